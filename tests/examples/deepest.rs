//! The `deepest` example as a program: its figure, its tables and its refusals.

use crate::example;

use example::{Scratch, check_well_formed, texts};

#[test]
fn figure_and_tables_show_paths_momenta_energies_and_orders() {
    let scratch = Scratch::new("deepest", "figure");
    let output = scratch.run(&["--plot", "own.svg"]);
    assert_eq!(output.status.code(), Some(0));
    let svg = std::fs::read_to_string(scratch.file("own.svg")).unwrap();
    check_well_formed(&svg);
    // Three values and eleven, and one in each legend.
    assert_eq!(svg.matches("<circle").count(), 4 + 12);
    let texts = texts(&svg);
    let count = |words: &str| texts.iter().filter(|t| **t == words).count();
    for (words, times) in [
        ("double well: path", 1),
        ("Lorenz-63: path", 1),
        ("its momentum, which jumps where x is measured", 2),
        ("Hamiltonian, kept between measurements", 2),
        ("midpoint, refined", 1),
        ("layers that the action asks for", 1),
    ] {
        assert_eq!(count(words), times, "{words}");
    }
    let table = String::from_utf8(output.stdout).unwrap();
    // Rows of values "t y x p → p H → H": free ends have no momentum.
    let rows: Vec<Vec<f64>> = table
        .lines()
        .filter(|line| line.matches('→').count() == 2 && !line.contains("before"))
        .map(|line| {
            let words = line.split_whitespace().filter(|word| *word != "→");
            words.map(|word| word.parse().unwrap()).collect()
        })
        .collect();
    assert_eq!(rows.len(), 3 + 11);
    for (first, last) in [(0, 2), (3, 13)] {
        assert_eq!((rows[first][3], rows[last][4]), (0.0, 0.0));
        // H is kept from one measurement to the next, to an error of the layers
        // that is small beside its changes.
        for pair in rows[first..=last].windows(2) {
            let size = pair[0][6].abs().max(0.05);
            assert!((pair[1][5] - pair[0][6]).abs() < 1e-2 * size, "{pair:?}");
        }
    }
    // Orders of the action, as the last line of each rule says them.
    for (rule, order) in [
        ("trapezoid", 2.0),
        ("midpoint", 2.0),
        ("simpson-hermite", 2.0),
    ] {
        let mut lines = table.lines().skip_while(|line| !line.starts_with(rule));
        let action = lines.nth(2).unwrap();
        let found: f64 = action.split_whitespace().nth(4).unwrap().parse().unwrap();
        assert!((found - order).abs() < 0.1, "{action}");
    }
}

#[test]
fn what_makes_no_problem_is_refused() {
    let scratch = Scratch::new("deepest", "refusals");
    for (arguments, culprit) in [
        (["--tolerance", "0"], "tolerance"),
        (["--tolerance", "1e-30"], "tolerance"),
        (["--well-rf", "-1"], "R_f"),
        (["--lorenz-rf", "nan"], "finite"),
        (["--seed", "x"], "--seed"),
        (["--steps", "10"], "--steps"),
    ] {
        scratch.refuses(&arguments, culprit);
    }
}
