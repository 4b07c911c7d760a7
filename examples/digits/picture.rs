//! Digits as a picture, with what they are and what they were taken for.

use std::fmt::Write;

use super::reader::Digits;

const COLUMNS: usize = 12;
/// Pixels of the picture: of one of a digit's, and of a cell.
const DOT: usize = 7;
const CELL: [usize; 2] = [8 * DOT + 22, 8 * DOT + 36];

/// An SVG of the first `count` digits; those misread come first, and are marked.
pub fn draw(digits: &Digits, read: &[usize], count: usize) -> String {
    let mut order: Vec<usize> = (0..read.len()).collect();
    order.sort_by_key(|&k| (read[k] == digits.labels[k], k));
    order.truncate(count);
    let [width, height] = CELL;
    let rows = order.len().div_ceil(COLUMNS);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" \
         font-family=\"sans-serif\" font-size=\"15\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        COLUMNS * width + 22,
        rows * height + 16,
    );
    for (place, &k) in order.iter().enumerate() {
        let (x, y) = (place % COLUMNS * width + 16, place / COLUMNS * height + 12);
        let (label, taken) = (digits.labels[k], read[k]);
        let (color, words) = match label == taken {
            true => ("#333333", format!("{label}")),
            false => ("#c1272d", format!("{label}, read {taken}")),
        };
        for (p, v) in digits
            .pixels
            .row(k)
            .iter()
            .enumerate()
            .filter(|(_, v)| **v > 0.0)
        {
            let (i, j) = (p % 8 * DOT + x, p / 8 * DOT + y);
            let _ = writeln!(
                svg,
                "<rect x=\"{i}\" y=\"{j}\" width=\"{DOT}\" height=\"{DOT}\" fill-opacity=\"{v:.2}\"/>"
            );
        }
        let side = 8 * DOT;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{side}\" height=\"{side}\" fill=\"none\" \
             stroke=\"{color}\"/>\n<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" \
             fill=\"{color}\">{words}</text>",
            x + side / 2,
            y + side + 17,
        );
    }
    svg.push_str("</svg>\n");
    svg
}
