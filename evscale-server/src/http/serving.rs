//! Connections: plain or TLS, so many at once, with a limit on how long the head of a request takes.

use crate::config::Settings;
use crate::problem::{Problem, Result};
use axum::Router;
use axum_server::Handle;
use axum_server::accept::Accept;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
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
    /// Where it listens.
    pub address: SocketAddr,
    /// Ends it.
    pub handle: Handle<SocketAddr>,
    /// The certificate, to be read again.
    pub tls: Option<RustlsConfig>,
    /// The server itself.
    pub running: Pin<Box<dyn Future<Output = io::Result<()>> + Send>>,
}

/// Listens as the settings say.
///
/// # Errors
/// The address is taken, or the certificate is refused.
pub async fn serve(settings: &Settings, router: Router) -> Result<Serving> {
    let refused = |problem: io::Error| {
        Problem::config(format!("`listen.address` is `{}`: {problem}", settings.listen.address))
    };
    let listener = TcpListener::bind(&settings.listen.address).map_err(refused)?;
    listener.set_nonblocking(true).map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let tls = match (&settings.listen.tls_certificate, &settings.listen.tls_key) {
        (Some(certificate), Some(key)) => {
            let config = RustlsConfig::from_pem_file(certificate, key).await;
            Some(config.map_err(|problem| Problem::config(format!("`listen.tls_certificate`: {problem}")))?)
        }
        _ => None,
    };
    let handle = Handle::new();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let head = Duration::from_secs(settings.limits.header_seconds.into());
    let open = Arc::new(Semaphore::new(settings.limits.connections));
    let mut server = axum_server::from_tcp(listener).map_err(refused)?.handle(handle.clone());
    let builder = server.http_builder();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(head)
        .keep_alive_timeout(head)
        .max_concurrent_streams(100);
    let running: Pin<Box<dyn Future<Output = io::Result<()>> + Send>> = match &tls {
        Some(config) => {
            let acceptor = RustlsAcceptor::new(config.clone()).handshake_timeout(head);
            Box::pin(server.acceptor(Limited { inner: acceptor, open }).serve(service))
        }
        None => {
            let inner = axum_server::accept::NoDelayAcceptor;
            Box::pin(server.acceptor(Limited { inner, open }).serve(service))
        }
    };
    Ok(Serving { address, handle, tls, running })
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
