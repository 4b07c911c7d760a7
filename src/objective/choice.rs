//! Which way the equations of Newton steps are solved, and why.

use std::fmt;

use crate::action::Equations;

/// How the equations of Newton steps are solved, and why: [`ActionAt::equations`](crate::ActionAt::equations).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EquationsChoice {
    /// The way that is taken.
    pub equations: Equations,
    /// Why it is taken.
    pub reason: EquationsReason,
}

/// Why the equations of Newton steps are solved as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EquationsReason {
    /// States have bounds or are fixed, or multipliers hold residuals: the block arrow
    /// alone knows them, whatever was asked for.
    Held,
    /// The action asks for it.
    Asked,
    /// Nothing was asked for, and it is [the cheapest](crate::NewtonCosts::cheapest).
    Cheapest,
    /// What was asked for is not open for this action: it is the cheapest of the rest.
    NotOpen {
        /// What was asked for.
        asked: Equations,
    },
}

impl fmt::Display for EquationsChoice {
    /// One line without a full stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Newton steps by {}: ", self.equations)?;
        match self.reason {
            EquationsReason::Held => {
                f.write_str("nothing else knows bounds of states and multipliers of residuals")
            }
            EquationsReason::Asked => f.write_str("as the action asks"),
            EquationsReason::Cheapest => f.write_str("the cheapest way, or cheap enough"),
            EquationsReason::NotOpen { asked } => {
                write!(
                    f,
                    "{asked}, as the action asks, cannot solve these equations"
                )
            }
        }
    }
}
