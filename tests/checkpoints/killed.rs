//! An annealing that is killed, again and again at random moments, and started
//! again comes to the bits of one that never was.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::fixtures::ladder::{bits, lorenz96, schedule};
use deepest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Names the folder in which the child works.
const FOLDER: &str = "DEEPEST_KILLED";

const STARTS: usize = 3;
const LEVELS: usize = 46;

fn problem() -> (Annealer, Action) {
    let (_, action) = lorenz96(8, 81);
    (Annealer::new(schedule(45)).starts(STARTS), action)
}

fn result(annealing: &Annealing) -> Vec<u8> {
    let numbers = annealing.starts.iter().flat_map(bits);
    numbers.flat_map(u64::to_le_bytes).collect()
}

/// Goes on from the checkpoint to the end, unless it is killed before.
#[test]
#[ignore = "the process that the other test kills"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = PathBuf::from(folder);
    let (annealer, action) = problem();
    let annealer = annealer.checkpoint(folder.join("checkpoint"));
    let mut run = annealer.begin(&action).unwrap();
    let levels = run
        .annealing()
        .starts
        .iter()
        .map(|start| start.levels.len());
    let mut log = std::fs::OpenOptions::new();
    let mut log = log
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .unwrap();
    writeln!(log, "{}", levels.sum::<usize>()).unwrap();
    run.finish().unwrap();
    std::fs::write(folder.join("result"), result(run.annealing())).unwrap();
}

/// A child that has told how many levels it goes on from.
fn spawn(folder: &Path) -> Child {
    let before = log(folder).len();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::child", "--ignored"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while log(folder).len() == before {
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none(), "the child failed");
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

fn log(folder: &Path) -> Vec<usize> {
    let text = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| line.parse().unwrap()).collect()
}

#[test]
fn killed_at_any_moment_it_goes_on_to_the_same_bits() {
    let name = format!("deepest-killed-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir(&folder).unwrap();
    let (annealer, action) = problem();
    let expected = result(&annealer.run(&action).unwrap());
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
    let (mut kills, mut writing, mut ends, mut halfway) = (0, 0, 0, 0);
    while kills < 50 {
        let mut child = spawn(&folder);
        std::thread::sleep(Duration::from_micros(rng.random_range(0..100_000)));
        // SIGKILL on Unix: the process has no say.
        child.kill().unwrap();
        let log = log(&folder);
        // What was kept is never lost.
        assert!(log.is_sorted(), "{log:?}");
        let from = log[log.len() - 1];
        halfway += usize::from(0 < from && from < STARTS * LEVELS);
        if child.wait().unwrap().success() {
            ends += 1;
            end(&folder, &expected);
        } else {
            kills += 1;
            writing += usize::from(folder.join("checkpoint.part").exists());
        }
    }
    assert!(spawn(&folder).wait().unwrap().success());
    end(&folder, &expected);
    println!("{kills} kills, {writing} while writing; {ends} ends; {halfway} lives from halfway");
    assert!(halfway > 0);
    std::fs::remove_dir_all(folder).unwrap();
}

/// An annealing has come to its end: the next begins anew.
fn end(folder: &Path, expected: &[u8]) {
    assert!(std::fs::read(folder.join("result")).unwrap() == expected);
    for file in ["checkpoint", "log", "result"] {
        std::fs::remove_file(folder.join(file)).unwrap();
    }
}
