//! Spans and events of `tracing` against what the observer sees.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixtures;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use deepest::prelude::*;
use fixtures::ladder::{lorenz96, schedule};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};

/// Counts what happens, by the names of the spans it happens in.
#[derive(Default, Clone)]
struct Counter(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    names: Vec<&'static str>,
    inside: Vec<&'static str>,
    counts: BTreeMap<String, usize>,
    levels: Vec<f64>,
}

/// The values of `action`.
struct Actions<'a>(&'a mut Vec<f64>);

impl Visit for Actions<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "action" {
            self.0.push(value);
        }
    }
    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

impl Seen {
    fn count(&mut self, what: &str) {
        let place = [&self.inside[..], &[what]].concat().join("/");
        *self.counts.entry(place).or_default() += 1;
    }
}

impl Subscriber for Counter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("deepest")
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut seen = self.0.lock().unwrap();
        let name = span.metadata().name();
        seen.count(name);
        seen.names.push(name);
        Id::from_u64(seen.names.len() as u64)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Actions(&mut self.0.lock().unwrap().levels));
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let number = event.metadata().fields().field("number");
        assert!(number.is_some(), "{event:?}");
        self.0.lock().unwrap().count("iteration");
    }
    fn enter(&self, id: &Id) {
        let mut seen = self.0.lock().unwrap();
        let name = seen.names[id.into_u64() as usize - 1];
        seen.inside.push(name);
    }
    fn exit(&self, _: &Id) {
        self.0.lock().unwrap().inside.pop();
    }
}

#[test]
fn spans_of_starts_and_levels_with_their_iterations() {
    let (_, action) = lorenz96(8, 41);
    let counter = Counter::default();
    let told: Mutex<BTreeMap<&str, usize>> = Mutex::default();
    let actions = Mutex::new(Vec::new());
    let annealer = Annealer::new(schedule(10)).starts(2).threads(1);
    let run = || {
        annealer.run_observed(&action, &|event| {
            let place = match event {
                Event::StartBegan { .. } => "start",
                Event::Settling { .. } => "start/settling/iteration",
                Event::Iteration { .. } => "start/level/iteration",
                Event::LevelReached { action, .. } => {
                    actions.lock().unwrap().push(action);
                    "start/level"
                }
                _ => return ControlFlow::Continue(()),
            };
            *told.lock().unwrap().entry(place).or_default() += 1;
            ControlFlow::Continue(())
        })
    };
    tracing::subscriber::with_default(counter.clone(), run).unwrap();
    let mut seen = std::mem::take(&mut *counter.0.lock().unwrap());
    assert_eq!(seen.counts.remove("start/settling"), Some(2));
    let told = told.into_inner().unwrap();
    assert_eq!(told["start/level"], 22);
    let told: BTreeMap<String, usize> = told.into_iter().map(|(k, v)| (k.into(), v)).collect();
    assert_eq!(seen.counts, told);
    assert_eq!(seen.levels, actions.into_inner().unwrap());
    assert!(seen.inside.is_empty());
}
