//! THE SURFACE: HTTP in, HTTP out. Routes, extractors, pages, JSON: translation only. A handler asks `provider` and says what it
//! answered; it cannot skip a rule, because it cannot reach past the provider: no SQL, no signing, no clock.

mod answer;
mod app;
pub mod assets;
mod below;
mod cookies;
mod csrf;
mod dialects;
mod error;
mod extract;
mod health;
pub mod metrics;
mod oauth;
mod own_host;
pub mod pages;
mod person;
mod refusals;
mod routes;
pub mod server;

pub use answer::{ContentSecurityPolicy, page};
pub use app::{NewCtx, Surface, Web};
pub use metrics::metrics_router;
pub use routes::router;
