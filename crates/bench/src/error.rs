//! Why a measurement could not be made at all. What goes wrong with single requests during a run is not here: that is
//! counted, not returned.

/// A measurement that could not start or could not finish.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// The plan asks for something that cannot be done; the text says what to change.
    #[error("{0}")]
    Plan(String),
    /// The target did not answer, or not as an OpenID Provider does.
    #[error("the target cannot be measured: {0}")]
    Target(String),
    /// The one sign-in that is tried before the load begins did not succeed.
    #[error("a first sign-in, before any load, failed: {0}")]
    FirstSignIn(String),
    /// The one turn that is tried before the load begins did not succeed.
    #[error("a first turn, before any load, failed: {0}")]
    FirstTurn(String),
    /// A virtual user ended in a way it never should: a defect of this tool.
    #[error("a virtual user stopped unexpectedly: {0}")]
    Crashed(String),
}
