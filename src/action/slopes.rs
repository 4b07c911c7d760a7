//! An infinite slope, for an error that names it.

use crate::error::Error;

/// An entry of a Jacobian that is not finite.
pub(crate) struct Slope {
    /// The function's result.
    pub(crate) component: usize,
    /// Where the unknown stands.
    pub(crate) unknown: Unknown,
    pub(crate) found: f64,
}

/// What a result is differentiated by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// A component of the state.
    State(usize),
    /// A parameter by its index.
    Parameter(usize),
}

impl Slope {
    pub(crate) fn error(&self, names: &[String], place: String) -> Error {
        Error::SlopeNotFinite {
            place,
            component: self.component,
            unknown: match self.unknown {
                Unknown::State(i) => format!("component {i} of the state"),
                Unknown::Parameter(p) => format!("parameter {:?}", names[p]),
            },
            found: self.found,
        }
    }
}
