//! The examples `network` and `digits` as programs.

use crate::example;

use example::{Scratch, check_well_formed};

fn refused(example: &'static str, arguments: &[&str], words: &str) {
    let output = Scratch::new(example, "refused").run(arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains(words), "{arguments:?}: {errors}");
}

#[test]
fn a_small_study_of_networks_has_a_row_a_lesson_and_a_picture() {
    let scratch = Scratch::new("network", "small");
    let flags =
        "--teacher 4 --students 3,4 --pairs 2,8 --observed 10,1 --depths 2,3 --iterations 5";
    let flags: Vec<&str> = flags.split(' ').collect();
    let output = scratch.run(&[&flags[..], &["--plot", "own.svg"]].concat());
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    // Two numbers of pairs with each number of outputs, one more student, two depths.
    let rows = text
        .lines()
        .filter(|l| l.contains("Gauss-Newton") || l.contains("L-BFGS"));
    assert_eq!(rows.count(), 2 * 2 + 1 + 2, "{text}");
    let svg = std::fs::read_to_string(scratch.file("own.svg")).unwrap();
    check_well_formed(&svg);
    assert!(svg.contains("layer doubling"));
}

#[test]
fn what_is_wrong_with_a_study_is_one_line() {
    refused(
        "network",
        &["--observed", "11"],
        "expected at most 10, found 11",
    );
    refused("network", &["--students", "1"], "--students");
    refused("network", &["--pairs", "0"], "--pairs");
    refused("network", &["--sigma", "-1"], "deviation");
    refused("network", &["--teachers", "3"], "--teachers");
}

#[test]
fn digits_are_learned_confused_and_drawn() {
    let scratch = Scratch::new("digits", "small");
    let flags = ["--pairs", "60", "--csv", "draws.csv", "--plot", "own.svg"];
    let output = scratch.run(&flags);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    // Each row of the confusion table counts one digit; together they are 500.
    let table = text
        .lines()
        .filter(|line| line.split_whitespace().count() == 11);
    let table: Vec<_> = table.filter(|line| !line.contains("label")).collect();
    let counts = table
        .iter()
        .flat_map(|line| line.split_whitespace().skip(1));
    let sum: usize = counts.filter_map(|word| word.parse::<usize>().ok()).sum();
    assert_eq!((table.len(), sum), (10, 500), "{text}");
    let csv = std::fs::read_to_string(scratch.file("draws.csv")).unwrap();
    let row: Vec<&str> = csv.lines().nth(1).unwrap().split(',').collect();
    let accuracy: f64 = row[2].parse().unwrap();
    // Sixty digits: six of each. A nearest neighbour among as many reads 0.8.
    assert!(accuracy > 0.75, "{accuracy}");
    let numbers = |field: &str| field.split(' ').count();
    assert_eq!((numbers(row[3]), numbers(row[4])), (60, 500));
    let svg = std::fs::read_to_string(scratch.file("own.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains(", read "));
}

#[test]
fn what_is_wrong_with_digits_is_one_line() {
    refused("digits", &["--pairs", "5"], "found 5");
    refused("digits", &["--pairs", "1298"], "found 1298");
    refused("digits", &["--data", "none.csv"], "none.csv");
    let scratch = Scratch::new("digits", "data");
    let path = scratch.file("bad.csv");
    let good = format!("7{}", ",3".repeat(64));
    let bad = |row: &str| std::fs::write(&path, format!("header\n{good}\n{row}\n")).unwrap();
    for (row, words) in [
        (
            format!("12{}", ",3".repeat(64)),
            "line 3: expected a label from 0 to 9",
        ),
        (format!("1{}", ",17".repeat(64)), "found \"17\""),
        (format!("1{}", ",3".repeat(63)), "found 63 pixels"),
        (format!("1{}", ",x".repeat(64)), "found \"x\""),
        (good.clone(), "expected more than 500 digits, found 2"),
    ] {
        bad(&row);
        let output = scratch.run(&["--data", "bad.csv"]);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2));
        assert!(errors.contains(words), "{errors}");
    }
}
