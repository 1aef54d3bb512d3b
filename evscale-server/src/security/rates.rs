//! How often somebody may ask.

use crate::config::Security;
use crate::problem::{Problem, Result};
use axum::http::StatusCode;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;

/// Callers that are remembered until those who may ask again are forgotten.
const MOST_CALLERS: usize = 10_000;

/// The rates of all callers.
#[derive(Debug)]
pub struct Rates {
    limiter: DefaultKeyedRateLimiter<String>,
    per_second: u32,
}

impl Rates {
    pub fn new(settings: &Security) -> Self {
        let positive = |value: u32| NonZeroU32::new(value).unwrap_or(NonZeroU32::MIN);
        let quota =
            Quota::per_second(positive(settings.requests_per_second)).allow_burst(positive(settings.burst));
        Self { limiter: RateLimiter::keyed(quota), per_second: settings.requests_per_second }
    }

    /// Takes note of a request.
    ///
    /// # Errors
    /// It is one too many.
    pub fn take(&self, caller: &str) -> Result<()> {
        if self.limiter.len() > MOST_CALLERS {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&caller.to_owned()).map_err(|_| {
            let message = format!("`{caller}` asks more than {} times a second", self.per_second);
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message)
        })
    }
}
