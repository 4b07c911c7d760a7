//! The one error type: what is wrong, where, what was expected and what was found.

use std::fmt;

/// Everything that can be wrong with an input, a kernel or a file.
///
/// `Debug` prints the sentence, as `Display` does, so that a program that ends with
/// `fn main() -> deepest::Result<()>` says what is wrong.
///
/// Stopping early, reaching a limit or meeting a non-finite model value during
/// a minimization is not an error: it is a
/// [`Termination`](crate::minimize::Termination) in the result.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A count or length differs from what the problem's shape asks for.
    #[error("{what} ({place}): expected {expected}, found {found}")]
    Length {
        /// The thing that has a length.
        what: &'static str,
        /// Where it stands.
        place: String,
        /// The length asked for.
        expected: usize,
        /// The length given.
        found: usize,
    },
    /// A number that must be finite is NaN or infinite.
    #[error("{what} ({place}): expected a finite number, found {found}")]
    NotFinite {
        /// The quantity.
        what: &'static str,
        /// Where it stands.
        place: String,
        /// The value given.
        found: f64,
    },
    /// A precision without end: a hard constraint, which is no error model.
    #[error(
        "precision ({place}): expected a finite number, found infinity; make a quantity that is known exactly a known input or a fixed parameter, and give an equation that holds exactly a precision about 1e8 times that of the others"
    )]
    InfinitePrecision {
        /// Where it stands.
        place: String,
    },
    /// A model does not set a component that it is to write, or adds to what was there.
    #[error("{place}: component {component} of `{what}` is not set, or added to what it held")]
    NotWritten {
        /// The name of what is to be written.
        what: &'static str,
        /// Where the model was called.
        place: String,
        /// The first component that was not set.
        component: usize,
    },
    /// A model panicked when the action was built.
    #[error(
        "{place}: the model panicked ({message}); it was handed {parameters} parameters and {inputs} inputs, as `Model::parameter_count` and `Model::input_count` declare"
    )]
    ModelPanicked {
        /// Where the model was called.
        place: String,
        /// What the panic said.
        message: String,
        /// The number of parameters that it was handed.
        parameters: usize,
        /// The number of inputs that it was handed.
        inputs: usize,
    },
    /// What belongs to a vector field is asked of a layer map.
    #[error("{what}: expected a rule that discretizes a vector field, found layer maps")]
    NotAFlow {
        /// What is asked.
        what: &'static str,
    },
    /// A number that must be positive is zero or negative.
    #[error("{what} ({place}): expected a positive number, found {found}")]
    NotPositive {
        /// The quantity.
        what: &'static str,
        /// Where it stands.
        place: String,
        /// The value given.
        found: f64,
    },
    /// A number lies outside the range allowed for it.
    #[error("{what} ({place}): expected a value from {low} to {high}, found {found}")]
    OutOfRange {
        /// The quantity.
        what: &'static str,
        /// Where it stands.
        place: String,
        /// Smallest value allowed.
        low: f64,
        /// Largest value allowed.
        high: f64,
        /// The value given.
        found: f64,
    },
    /// A matrix that must be symmetric is not.
    #[error(
        "{what} ({place}): expected a symmetric matrix, found {found} at ({row}, {column}) against {mirrored} across the diagonal"
    )]
    NotSymmetric {
        /// The matrix.
        what: &'static str,
        /// Where it stands.
        place: String,
        /// Row of the offending entry.
        row: usize,
        /// Column of the offending entry.
        column: usize,
        /// The entry.
        found: f64,
        /// The entry across the diagonal.
        mirrored: f64,
    },
    /// A matrix that must be positive definite is not.
    #[error(
        "{what} ({place}): expected a positive definite matrix, found pivot {found} at row {pivot}"
    )]
    NotPositiveDefinite {
        /// The matrix.
        what: &'static str,
        /// Where it stands.
        place: String,
        /// Row of the first pivot that is not positive.
        pivot: usize,
        /// Its value.
        found: f64,
    },
    /// A series that must increase strictly does not.
    #[error(
        "{what} ({place}): expected strictly increasing values, found {found} at index {index} after {previous}"
    )]
    NotIncreasing {
        /// The series.
        what: &'static str,
        /// Where it stands.
        place: String,
        /// Index of the offending value.
        index: usize,
        /// The value before it.
        previous: f64,
        /// The offending value.
        found: f64,
    },
    /// A series that may stay but not go back does.
    #[error(
        "{what} ({place}): expected each at or after the one before (several values may stand at one time), found {found} at index {index} after {previous}; sort the rows by time"
    )]
    Decreasing {
        /// The series.
        what: &'static str,
        /// Where it stands.
        place: String,
        /// Index of the offending value.
        index: usize,
        /// The value before it.
        previous: f64,
        /// The offending value.
        found: f64,
    },
    /// A name appears twice where each may appear once.
    #[error("{what} ({place}): {name:?} is given twice, at positions {first} and {second}")]
    DuplicateName {
        /// The list.
        what: &'static str,
        /// Where it stands.
        place: String,
        /// The repeated name.
        name: String,
        /// Its first position.
        first: usize,
        /// Its second position.
        second: usize,
    },
    /// An index appears twice where each may appear once.
    #[error("{what} ({place}): {value} is given twice, at positions {first} and {second}")]
    Duplicate {
        /// The list.
        what: &'static str,
        /// Where it stands.
        place: String,
        /// The repeated index.
        value: usize,
        /// Its first position.
        first: usize,
        /// Its second position.
        second: usize,
    },
    /// A collection that must hold something is empty.
    #[error("{what} ({place}): expected at least one, found none")]
    Empty {
        /// The collection.
        what: &'static str,
        /// Where it stands.
        place: String,
    },
    /// A lower bound above, or equal to, its upper bound.
    #[error("bounds ({place}): expected lower < upper, found lower {lower} and upper {upper}")]
    BoundsUpsideDown {
        /// Whose bounds.
        place: String,
        /// The lower bound given.
        lower: f64,
        /// The upper bound given.
        upper: f64,
    },
    /// An observation time that is no layer of the grid.
    #[error(
        "observation time ({place}): expected a time of the grid, found {time}; the nearest layer is {nearest} at {nearest_time}"
    )]
    TimeOffGrid {
        /// Where it stands.
        place: String,
        /// The observation time.
        time: f64,
        /// The nearest layer.
        nearest: usize,
        /// Its time.
        nearest_time: f64,
    },
    /// The number of layers does not fit the discretization.
    #[error("{}", incomplete(.place, .rule, *.per_interval, *.found))]
    IncompleteInterval {
        /// Where it stands.
        place: String,
        /// The discretization.
        rule: &'static str,
        /// Steps in one interval of the rule.
        per_interval: usize,
        /// Number of layers given.
        found: usize,
    },
    /// The two steps of one Simpson-Hermite interval differ.
    #[error(
        "steps ({place}): {rule} needs equal steps inside an interval, found {first} and {second} from layer {layer}"
    )]
    UnequalSteps {
        /// Where it stands.
        place: String,
        /// The discretization.
        rule: &'static str,
        /// First layer of the interval.
        layer: usize,
        /// Length of its first step.
        first: f64,
        /// Length of its second step.
        second: f64,
    },
    /// Something a problem needs was never given.
    #[error("{what} ({place}): not given")]
    Missing {
        /// The missing thing.
        what: &'static str,
        /// Who needs it.
        place: String,
    },
    /// The model gives NaN or infinity where it is first evaluated.
    #[error(
        "the model ({place}): expected finite values at the start, found {found} in component {component}"
    )]
    ModelNotFinite {
        /// Window, layer and start.
        place: String,
        /// Component of the vector field or layer map.
        component: usize,
        /// Its value.
        found: f64,
    },
    /// A slope of the model that is infinite, or NaN beside a finite value.
    #[error("{}", infinite_slope(.place, *.component, .unknown, *.found))]
    SlopeNotFinite {
        /// Window, layer and start.
        place: String,
        /// Component of the vector field, layer map or observation.
        component: usize,
        /// By what it changes so: a component of the state, or a parameter's name.
        unknown: String,
        /// The slope.
        found: f64,
    },
    /// A Jacobian by the user disagrees with the exact one.
    #[error(
        "the Jacobian ({place}): expected {expected} in row {row}, column {column}, found {found}"
    )]
    WrongJacobian {
        /// Which Jacobian.
        place: String,
        /// Row (component of the field).
        row: usize,
        /// Column (state components first, then parameters).
        column: usize,
        /// The exact derivative.
        expected: f64,
        /// The user's derivative.
        found: f64,
    },
    /// A pattern of a Jacobian that tracing cannot find: the model looks at values, and
    /// one run tells of one of its branches only.
    #[error(
        "pattern of the Jacobian ({place}): the model looks at values, so that tracing sees one branch of it; expected `{declaration}` to declare the pattern or to say that it is dense, or at most {expected} unknowns, found {found}"
    )]
    UndeclaredPattern {
        /// Of what.
        place: String,
        /// The method that declares it.
        declaration: &'static str,
        /// Most unknowns for which it is taken for dense.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A declared pattern without an entry that the model has.
    #[error(
        "declared pattern of the Jacobian ({place}): expected an entry in row {row}, column {column}, where the derivative is {slope}, found none"
    )]
    IncompletePattern {
        /// Of what, and where it was found to be incomplete.
        place: String,
        /// Row (component of the result).
        row: usize,
        /// Column, numbered as in the declaration.
        column: usize,
        /// The derivative there.
        slope: f64,
    },
    /// A matrix that must have an inverse has none, to rounding.
    #[error("{what} ({place}): expected an invertible matrix, found pivot {pivot} in row {row}")]
    Singular {
        /// The matrix.
        what: &'static str,
        /// Where it stands.
        place: String,
        /// Row of the smallest pivot.
        row: usize,
        /// Its size, where rows and columns have entries of size one.
        pivot: f64,
    },
    /// Layers too far apart for what is asked.
    #[error("grid ({place}): too coarse for {what}: expected {expected}, found {found}")]
    GridTooCoarse {
        /// What was asked for.
        what: &'static str,
        /// Where.
        place: String,
        /// What a finer grid would give.
        expected: f64,
        /// What this one gives.
        found: f64,
    },
    /// Two conditions of which only one can be kept.
    #[error("{place}: {first} and {second} contradict each other")]
    Contradiction {
        /// Where they meet.
        place: String,
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// A quantity that exists for one normalization only.
    #[error("{what}: expected the {expected} normalization, found {found}")]
    Normalization {
        /// What was asked for.
        what: &'static str,
        /// The normalization it needs.
        expected: &'static str,
        /// The normalization of the action.
        found: &'static str,
    },
    /// A dense backend that this build does not contain.
    #[error("dense backend {found}: expected a build with the feature `{feature}`")]
    BackendNotBuilt {
        /// The backend asked for.
        found: &'static str,
        /// The feature that brings it.
        feature: &'static str,
    },
    /// A thread pool that the system refuses.
    #[error("threads: expected a pool of {expected}, found: {reason}")]
    Threads {
        /// Threads asked for.
        expected: usize,
        /// What the system said.
        reason: String,
    },
    /// A checkpoint from which this annealing cannot go on. The file is left
    /// as it is.
    #[error("checkpoint {path}: {reason}")]
    Checkpoint {
        /// The path.
        path: String,
        /// Why.
        reason: Refusal,
    },
    /// A file whose array has another number of dimensions.
    #[error(
        "file {path}: expected an array of {expected} dimensions, found one of shape {found:?}"
    )]
    Dimensions {
        /// The path.
        path: String,
        /// The number of dimensions asked for.
        expected: usize,
        /// The shape of the file's array.
        found: Vec<usize>,
    },
    /// A file that cannot be read or written.
    #[error("file {path}: {reason}")]
    File {
        /// The path.
        path: String,
        /// What the system or the format said.
        reason: String,
    },
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A number of layers that makes no whole intervals, and what to do.
fn incomplete(place: &str, rule: &str, per_interval: usize, found: usize) -> String {
    let fewer = found - found.saturating_sub(1) % per_interval.max(1);
    let more = fewer + per_interval;
    let less = if fewer > 1 {
        format!("one of {fewer} layers")
    } else {
        String::from("a longer recording")
    };
    format!(
        "layers ({place}): {rule} takes {per_interval} steps an interval, so the number of layers must be 1 plus a multiple of {per_interval}, found {found}; give {less} or one of {more}, put layers between the data with Grid::from_times(&times, {per_interval}), or use a rule that takes one step an interval, such as Trapezoid"
    )
}

/// A slope that is not finite, and what may help.
fn infinite_slope(place: &str, component: usize, unknown: &str, found: f64) -> String {
    let advice = if found.is_nan() {
        "slopes of 0 and infinity meet there; write a power with an estimated exponent as x.pow(n), which knows its limits at 0, and not as (n * x.ln()).exp()"
    } else {
        "keep the state or parameter away from there by bounds, or write the model with a finite slope"
    };
    format!(
        "the model ({place}): expected finite slopes at the start, found {found} for component {component} by {unknown}; {advice}"
    )
}

/// Why a checkpoint is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The file is something else.
    #[error("expected a checkpoint of an annealing, found another kind of file")]
    NoCheckpoint,
    /// It has a form that this version does not read.
    #[error("expected format {expected}, found format {found}")]
    Format {
        /// The format of this version.
        expected: u64,
        /// That of the file.
        found: u64,
    },
    /// Its end is missing.
    #[error("expected {expected} bytes, found {found}: it was cut off")]
    Truncated {
        /// Its length, or that of its header where this is cut off too.
        expected: u64,
        /// What is left.
        found: u64,
    },
    /// Its checksum does not belong to its content, or no run can have led to
    /// its content.
    #[error("expected the content that its checksum was made for, found another: it is damaged")]
    Damaged,
    /// Another version wrote it, which may round in other places.
    #[error("expected one written by version {expected}, found one by version {found}")]
    Version {
        /// This version.
        expected: String,
        /// The version that wrote it.
        found: String,
    },
    /// It belongs to another annealing.
    #[error("expected one of this annealing, found one of another: {what} changed")]
    Foreign {
        /// The first part of the annealing that differs.
        what: &'static str,
    },
}

/// `Result` with the crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// A count must not be so large that it can only be a mistake.
pub(crate) fn check_count(
    what: &'static str,
    place: impl Fn() -> String,
    found: usize,
    most: usize,
) -> Result<()> {
    if found <= most {
        return Ok(());
    }
    Err(Error::OutOfRange {
        what,
        place: place(),
        low: 0.0,
        high: most as f64,
        found: found as f64,
    })
}

/// A length must be the one that is expected at `place`.
pub(crate) fn check_length(
    what: &'static str,
    place: impl Fn() -> String,
    expected: usize,
    found: usize,
) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::Length {
        what,
        place: place(),
        expected,
        found,
    })
}
