//! Checkpoints with bytes changed, inserted, removed, cut off or repeated, under a
//! checksum that is right again: a typed error, or a run that can go on.

use super::bad_checkpoints::seal;
use crate::fixtures::bad::{builder, window};
use crate::fixtures::scratch::Scratch;
use deepest::Error;
use deepest::prelude::*;

#[test]
fn damaged_checkpoints_are_errors() {
    let file = Scratch::new("mutated");
    let action = builder().window(window()).build().unwrap();
    let schedule = Schedule::geometric(1e-2, 2.0, 0..=2).unwrap();
    let annealer = Annealer::new(schedule).starts(2).checkpoint(&file.0);
    annealer.run(&action).unwrap();
    let whole = file.bytes();
    let mut state = 3_u64;
    let mut draw = |most: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % most
    };
    let (mut refused, mut taken) = (0, 0);
    for round in 0..20_000 {
        let mut bytes = whole.clone();
        for _ in 0..1 + draw(3) {
            let place = draw(bytes.len());
            match draw(6) {
                0 | 1 => bytes[place] = draw(256) as u8,
                2 => bytes[place] = [0, 1, 0x7F, 0xFF][draw(4)],
                3 => bytes.insert(place, draw(256) as u8),
                4 => drop(bytes.remove(place)),
                _ if draw(2) == 0 => bytes.truncate((place + 1).max(9)),
                _ => bytes.extend_from_within(place..),
            }
        }
        // The length and the checksum are put right, so that what lies between is read.
        if bytes.len() >= 32 {
            let length = bytes.len() as u64;
            bytes[16..24].copy_from_slice(&length.to_le_bytes());
        }
        file.put(&seal(bytes));
        match annealer.begin(&action) {
            Ok(mut run) => {
                taken += 1;
                // Some of them go on: numbers may be anything.
                if taken % 50 == 0 {
                    let _ = run.finish();
                }
            }
            Err(Error::Checkpoint { .. }) => refused += 1,
            Err(other) => panic!("{round}: {other}"),
        }
    }
    assert!(
        refused > 5_000 && taken > 500,
        "{refused} refused, {taken} taken"
    );
}
