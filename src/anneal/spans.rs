//! What subscribers of `tracing` are told (feature `tracing`): a span `start`
//! for each start, in it a span `settling` and a span `level` for each level,
//! and in these an event for each iteration, which is a point in time to one
//! who sees a minimizer from outside. Without the feature, nothing.

#[cfg(feature = "tracing")]
mod told {
    use tracing::field::Empty;
    use tracing::span::EnteredSpan;
    use tracing::{debug_span, info_span, trace};

    use crate::anneal::results::{Level, StartResult};
    use crate::anneal::schedule::Step;
    use crate::minimize::Iteration;

    /// A span that is left when it goes out of scope.
    pub(in crate::anneal) type Span = EnteredSpan;

    pub(in crate::anneal) fn start(start: &StartResult) -> Span {
        info_span!("start", index = start.index, seed = start.seed).entered()
    }

    pub(in crate::anneal) fn settling() -> Span {
        debug_span!("settling").entered()
    }

    pub(in crate::anneal) fn level(Step { beta, rf }: Step) -> Span {
        let (action, termination) = (Empty, Empty);
        debug_span!("level", beta, rf, action, termination).entered()
    }

    pub(in crate::anneal) fn reached(span: &Span, level: &Level) {
        span.record("action", level.action.total);
        span.record("termination", tracing::field::debug(level.termination));
    }

    pub(in crate::anneal) fn iteration(iteration: &Iteration) {
        let (number, action) = (iteration.number, iteration.value);
        trace!(number, action, "iteration");
    }
}

#[cfg(not(feature = "tracing"))]
mod told {
    use crate::anneal::results::{Level, StartResult};
    use crate::anneal::schedule::Step;
    use crate::minimize::Iteration;

    pub(in crate::anneal) struct Span;

    pub(in crate::anneal) fn start(_: &StartResult) -> Span {
        Span
    }

    pub(in crate::anneal) fn settling() -> Span {
        Span
    }

    pub(in crate::anneal) fn level(_: Step) -> Span {
        Span
    }

    pub(in crate::anneal) fn reached(_: &Span, _: &Level) {}

    pub(in crate::anneal) fn iteration(_: &Iteration) {}
}

pub(super) use told::{iteration, level, reached, settling, start};
