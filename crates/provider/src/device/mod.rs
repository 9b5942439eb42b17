//! Devices (RFC 8628): a device asks, a person finds its request by the user code and decides, the device polls. Here is the first part and
//! the second; the person decides within an interaction (`interaction/act.rs`), and the token endpoint answers polls (`tokens/grants/device_code.rs`).

mod authorize;
mod enter;
mod polls;

pub use authorize::DeviceAuthorization;
pub use enter::{EnteredCode, UserCodeProblem};
pub(crate) use enter::{own_client, todo};
pub(crate) use polls::{Poll, Polls};
