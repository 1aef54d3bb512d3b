//! Connections: plain or TLS, so many at once, with a limit on how long the head of a request takes.

use crate::config::Limits;
use crate::problem::{Problem, Result};
use crate::security::Tls;
use axum::Router;
use axum_server::Handle;
use axum_server::accept::{Accept, NoDelayAcceptor};
use axum_server::tls_rustls::RustlsAcceptor;
use hyper_util::rt::TokioTimer;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A server that listens.
pub struct Serving {
    /// Ends it.
    pub handle: Handle<SocketAddr>,
    /// The server itself.
    pub running: Pin<Box<dyn Future<Output = io::Result<()>> + Send>>,
}

/// Opens the address that the setting `name` has.
///
/// # Errors
/// The address is none, or taken.
pub fn listen(name: &str, address: &str) -> Result<TcpListener> {
    let open = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    open().map_err(|problem: io::Error| Problem::config(format!("`{name}` is `{address}`: {problem}")))
}

/// Serves what connects to an open address.
///
/// # Errors
/// The address is closed.
pub fn serve(listener: TcpListener, tls: Option<&Tls>, limits: &Limits, router: Router) -> Result<Serving> {
    let handle = Handle::new();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let head = Duration::from_secs(limits.header_seconds.into());
    let open = Arc::new(Semaphore::new(limits.connections));
    let server = axum_server::from_tcp(listener)
        .map_err(|problem| Problem::config(format!("the open address: {problem}")))?;
    let mut server = server.handle(handle.clone());
    let builder = server.http_builder();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(head)
        .keep_alive_timeout(head)
        .max_concurrent_streams(100);
    let running: Pin<Box<dyn Future<Output = io::Result<()>> + Send>> = match tls {
        Some(tls) => {
            let acceptor = RustlsAcceptor::new(tls.config()).handshake_timeout(head);
            let inner = acceptor.acceptor(NoDelayAcceptor);
            Box::pin(server.acceptor(Limited { inner, open }).serve(service))
        }
        None => Box::pin(server.acceptor(Limited { inner: NoDelayAcceptor, open }).serve(service)),
    };
    Ok(Serving { handle, running })
}

/// Accepts a connection while not too many are open, and closes it at once otherwise.
#[derive(Clone, Debug)]
struct Limited<A> {
    inner: A,
    open: Arc<Semaphore>,
}

/// A connection that counts while it is open.
#[derive(Debug)]
struct Counted<S> {
    inner: S,
    _permit: OwnedSemaphorePermit,
}

impl<A, S> Accept<TcpStream, S> for Limited<A>
where
    A: Accept<TcpStream, S>,
    A::Future: Send + 'static,
{
    type Stream = Counted<A::Stream>;
    type Service = A::Service;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let Ok(permit) = Arc::clone(&self.open).try_acquire_owned() else {
            drop(stream);
            return Box::pin(async { Err(io::Error::other("too many connections")) });
        };
        let accepted = self.inner.accept(stream, service);
        Box::pin(async move {
            let (inner, service) = accepted.await?;
            Ok((Counted { inner, _permit: permit }, service))
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
