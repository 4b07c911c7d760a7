//! From panels to SVG, by the SVG backend of `plotters`.

use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::panel::{Mark, Panel, Role, Shape};
use super::scale::Scale;
use crate::error::{Error, Result};

/// The backend knows whole pixels only, which makes steps in flat curves:
/// everything is drawn four times as large and shown at its size.
const FINE: f64 = 4.0;

const TEXT: f64 = 12.0;
const TITLE: f64 = 14.0;
/// Around the plot: left, right, bottom, and above the first legend row.
const MARGINS: [f64; 4] = [72.0, 18.0, 52.0, 32.0];
const LEGEND_ROW: f64 = 18.0;
const SWATCH: f64 = 22.0;
const MOST_DOTS: usize = 400;
const FEW_DOTS: usize = 50;

type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = std::result::Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// Colour (Okabe-Ito), opacity and width of a line; dots have no width.
fn look(role: Role) -> (RGBColor, f64, f64) {
    match role {
        Role::Estimate => (RGBColor(0, 114, 178), 1.0, 1.8),
        Role::Start => (RGBColor(86, 180, 233), 0.7, 1.0),
        Role::Measurement => (RGBColor(230, 159, 0), 1.0, 1.5),
        Role::Model => (RGBColor(0, 158, 115), 1.0, 1.5),
        Role::Data => (RGBColor(213, 94, 0), 0.75, 0.0),
        Role::Truth => (RGBColor(0, 0, 0), 1.0, 1.2),
        Role::Forecast => (RGBColor(0, 114, 178), 0.65, 1.5),
        Role::Instant => (RGBColor(120, 120, 120), 1.0, 1.0),
        Role::Band => (RGBColor(240, 228, 66), 0.5, 1.0),
        Role::Method(number) => (METHODS[number % METHODS.len()], 1.0, 1.5),
    }
}

/// Colours of methods, in their order.
const METHODS: [RGBColor; 7] = [
    RGBColor(230, 159, 0),
    RGBColor(213, 94, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(0, 114, 178),
    RGBColor(0, 0, 0),
];

/// All panels, `columns` in a row, each of the given width and height.
pub(super) fn figure(panels: &[Panel], columns: usize, size: (f64, f64)) -> Result<String> {
    let rows = panels.len().div_ceil(columns);
    let (width, height) = (size.0 * columns as f64, size.1 * rows as f64);
    let fine = ((width * FINE) as u32, (height * FINE) as u32);
    let mut svg = String::new();
    draw_all(&mut svg, fine, panels, columns, size).map_err(|error| Error::File {
        path: "SVG in memory".into(),
        reason: error.to_string(),
    })?;
    let drawn = format!("width=\"{}\" height=\"{}\"", fine.0, fine.1);
    let shown = format!("width=\"{width:.0}\" height=\"{height:.0}\"");
    Ok(svg.replacen(&drawn, &shown, 1))
}

fn draw_all(
    svg: &mut String,
    fine: (u32, u32),
    panels: &[Panel],
    columns: usize,
    size: (f64, f64),
) -> Drawn {
    let canvas = SVGBackend::with_string(svg, fine).into_drawing_area();
    canvas.fill(&WHITE)?;
    for (row, panels) in panels.chunks(columns).enumerate() {
        let corner = |column: usize| (column as f64 * size.0, row as f64 * size.1);
        let placed = panels.iter().enumerate();
        let frames = placed.map(|(column, panel)| Frame::new(panel, corner(column), size));
        let mut frames: Vec<Frame> = frames.collect();
        // Plots side by side begin at one height, however long their legends.
        let top = frames.iter().fold(0.0_f64, |top, frame| top.max(frame.top));
        for (frame, panel) in frames.iter_mut().zip(panels) {
            frame.top = top;
            frame.draw(&canvas, panel)?;
        }
    }
    canvas.present()
}

/// Where one panel's plot lies, in pixels, and its two scales.
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    panel_top: f64,
    legend: Vec<LegendEntry>,
    x: Scale,
    y: Scale,
}

/// A mark's line in the legend and the place of its swatch.
struct LegendEntry {
    mark: usize,
    x: f64,
    y: f64,
}

impl Frame {
    fn new(panel: &Panel, corner: (f64, f64), size: (f64, f64)) -> Self {
        let [left, right, bottom, above] = MARGINS;
        let (left, right) = (corner.0 + left, corner.0 + size.0 - right);
        let (legend, rows) = legend(&panel.marks, (left, right), corner.1 + above);
        let places = panel.marks.iter().flat_map(|mark| mark.shape.places());
        let heights = panel.marks.iter().flat_map(|mark| mark.shape.heights());
        Self {
            left,
            right,
            top: corner.1 + above + rows as f64 * LEGEND_ROW,
            bottom: corner.1 + size.1 - bottom,
            panel_top: corner.1,
            legend,
            x: Scale::around(&panel.x, places, 0.0),
            y: Scale::around(&panel.y, heights, 0.05),
        }
    }

    fn draw(&self, canvas: &Canvas<'_>, panel: &Panel) -> Drawn {
        let mut title = text(TITLE, HPos::Left, VPos::Center);
        title.font = title.font.style(FontStyle::Bold);
        let place = pixel(self.left, self.panel_top + 18.0);
        canvas.draw_text(&panel.title, &title, place)?;
        self.axes(canvas, panel)?;
        for mark in &panel.marks {
            self.mark(canvas, mark)?;
        }
        for entry in &self.legend {
            self.legend_entry(canvas, &panel.marks[entry.mark], entry)?;
        }
        Ok(())
    }

    /// The frame, grid lines with their values, and the axes' labels.
    fn axes(&self, canvas: &Canvas<'_>, panel: &Panel) -> Drawn {
        let grid = stroke(&RGBColor(225, 225, 225), 1.0, 0.8);
        let (width, height) = (self.right - self.left, self.bottom - self.top);
        let below = text(TEXT, HPos::Center, VPos::Top);
        for (value, label) in self.x.ticks((width / 70.0) as usize + 1) {
            let Some(x) = self.across(value) else {
                continue;
            };
            let line = vec![pixel(x, self.top), pixel(x, self.bottom)];
            canvas.draw(&PathElement::new(line, grid))?;
            canvas.draw_text(&label, &below, pixel(x, self.bottom + 6.0))?;
        }
        let beside = text(TEXT, HPos::Right, VPos::Center);
        for (value, label) in self.y.ticks((height / 30.0) as usize) {
            let Some(y) = self.up(value) else {
                continue;
            };
            let line = vec![pixel(self.left, y), pixel(self.right, y)];
            canvas.draw(&PathElement::new(line, grid))?;
            canvas.draw_text(&label, &beside, pixel(self.left - 6.0, y))?;
        }
        let corners = [pixel(self.left, self.top), pixel(self.right, self.bottom)];
        let dark = stroke(&RGBColor(80, 80, 80), 1.0, 1.0);
        canvas.draw(&Rectangle::new(corners, dark))?;
        let middle = 0.5 * (self.left + self.right);
        canvas.draw_text(&panel.x.label, &below, pixel(middle, self.bottom + 26.0))?;
        let upwards = text(TEXT, HPos::Center, VPos::Top);
        let upwards = upwards.transform(FontTransform::Rotate270);
        let middle = 0.5 * (self.top + self.bottom);
        canvas.draw_text(&panel.y.label, &upwards, pixel(self.left - 64.0, middle))
    }

    fn mark(&self, canvas: &Canvas<'_>, mark: &Mark) -> Drawn {
        match &mark.shape {
            Shape::Curve(points) => {
                let columns = (2.0 * (self.right - self.left)) as usize;
                for piece in self.pieces(points) {
                    line(canvas, &thin_line(piece, columns), mark.role)?;
                }
                Ok(())
            }
            Shape::Dots(points) => {
                let shown: Vec<_> = points.iter().filter_map(|p| self.place(*p)).collect();
                let stride = shown.len().div_ceil(MOST_DOTS).max(1);
                let radius = radius(shown.len());
                for place in shown.into_iter().step_by(stride) {
                    dot(canvas, place, mark.role, radius)?;
                }
                Ok(())
            }
            Shape::Across { low, high } => {
                let Some(high) = self.up(*high) else {
                    return Ok(());
                };
                // Logarithmic axes show no zero.
                let low = self.up(*low).unwrap_or(self.bottom);
                if mark.role == Role::Band {
                    return area(canvas, (self.left, low), (self.right, high));
                }
                let ends = [pixel(self.left, low), pixel(self.right, low)];
                line(canvas, &ends, mark.role)
            }
            Shape::Upright(x) => {
                let Some(x) = self.across(*x) else {
                    return Ok(());
                };
                let ends = [pixel(x, self.bottom), pixel(x, self.top)];
                line(canvas, &ends, mark.role)
            }
        }
    }

    fn legend_entry(&self, canvas: &Canvas<'_>, mark: &Mark, entry: &LegendEntry) -> Drawn {
        let (x, y) = (entry.x, entry.y);
        match &mark.shape {
            _ if mark.role == Role::Band => area(canvas, (x, y + 5.0), (x + SWATCH, y - 5.0))?,
            Shape::Dots(points) => {
                let radius = radius(points.len());
                dot(canvas, pixel(x + 0.5 * SWATCH, y), mark.role, radius)?;
            }
            Shape::Upright(_) => {
                let x = x + 0.5 * SWATCH;
                line(canvas, &[pixel(x, y + 6.0), pixel(x, y - 6.0)], mark.role)?;
            }
            _ => line(canvas, &[pixel(x, y), pixel(x + SWATCH, y)], mark.role)?,
        }
        let style = text(TEXT, HPos::Left, VPos::Center);
        let words = mark.legend.as_deref().unwrap_or_default();
        canvas.draw_text(words, &style, pixel(x + SWATCH + 5.0, y))
    }

    fn across(&self, value: f64) -> Option<f64> {
        let fraction = self.x.fraction(value)?;
        Some(self.left + fraction * (self.right - self.left))
    }

    fn up(&self, value: f64) -> Option<f64> {
        let fraction = self.y.fraction(value)?;
        Some(self.bottom - fraction * (self.bottom - self.top))
    }

    fn place(&self, (x, y): (f64, f64)) -> Option<(i32, i32)> {
        Some(pixel(self.across(x)?, self.up(y)?))
    }

    /// A curve's pieces between values that cannot be shown, cut where it
    /// leaves the plot at the bottom.
    fn pieces(&self, points: &[(f64, f64)]) -> Vec<Vec<(i32, i32)>> {
        let height = self.bottom - self.top;
        let mut pieces = vec![Vec::new()];
        let mut before: Option<(f64, f64)> = None;
        for &(x, y) in points {
            let place = self.across(x).zip(self.y.reach(y));
            if let (Some(a), Some(b)) = (before, place)
                && is_below(a.1) != is_below(b.1)
            {
                let x = a.0 + (b.0 - a.0) * a.1 / (a.1 - b.1);
                push(&mut pieces, pixel(x, self.bottom));
            }
            match place {
                Some((x, up)) if !is_below(up) => {
                    push(&mut pieces, pixel(x, self.bottom - up * height));
                }
                _ => pieces.push(Vec::new()),
            }
            before = place;
        }
        pieces.retain(|piece| !piece.is_empty());
        pieces
    }
}

/// Rounding may put the lowest value a little below its own axis.
fn is_below(reach: f64) -> bool {
    reach < -1e-9
}

fn push(pieces: &mut [Vec<(i32, i32)>], place: (i32, i32)) {
    if let Some(piece) = pieces.last_mut() {
        piece.push(place);
    }
}

impl Shape {
    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        let points: &[(f64, f64)] = match self {
            Self::Curve(points) | Self::Dots(points) => points,
            Self::Across { .. } | Self::Upright(_) => &[],
        };
        points.iter().copied()
    }

    fn places(&self) -> impl Iterator<Item = f64> {
        let place = match self {
            Self::Upright(x) => Some(*x),
            _ => None,
        };
        self.points().map(|p| p.0).chain(place)
    }

    fn heights(&self) -> impl Iterator<Item = f64> {
        let ends = match self {
            Self::Across { low, high } => vec![*low, *high],
            _ => Vec::new(),
        };
        self.points().map(|p| p.1).chain(ends)
    }
}

/// Places of the legend's entries and how many rows they take.
fn legend(marks: &[Mark], (left, right): (f64, f64), top: f64) -> (Vec<LegendEntry>, usize) {
    let mut entries = Vec::new();
    let (mut x, mut row) = (left, 0);
    for (mark, words) in marks.iter().enumerate() {
        let Some(words) = &words.legend else {
            continue;
        };
        // Wider than the letters of most fonts are on average.
        let width = SWATCH + 5.0 + 0.62 * TEXT * words.chars().count() as f64;
        if x > left && x + width > right {
            (x, row) = (left, row + 1);
        }
        let y = top + (row as f64 + 0.5) * LEGEND_ROW - 2.0;
        entries.push(LegendEntry { mark, x, y });
        x += width + 14.0;
    }
    let rows = if entries.is_empty() { 0 } else { row + 1 };
    (entries, rows)
}

/// In each of `columns` columns the first, lowest, highest and last point.
fn thin_line(points: Vec<(i32, i32)>, columns: usize) -> Vec<(i32, i32)> {
    if points.len() <= 2 * columns {
        return points;
    }
    let half = (0.5 * FINE) as i32;
    let mut kept = Vec::new();
    for column in points.chunk_by(|a, b| a.0 / half == b.0 / half) {
        let extreme = |sign: i32| (0..column.len()).min_by_key(|&k| sign * column[k].1);
        let mut chosen = vec![0, column.len() - 1];
        chosen.extend(extreme(1).into_iter().chain(extreme(-1)));
        chosen.sort_unstable();
        chosen.dedup();
        kept.extend(chosen.into_iter().map(|k| column[k]));
    }
    kept
}

fn line(canvas: &Canvas<'_>, points: &[(i32, i32)], role: Role) -> Drawn {
    let (color, opacity, width) = look(role);
    let style = stroke(&color, opacity, width);
    if let [only] = points {
        return canvas.draw(&Circle::new(*only, (2.0 * FINE) as u32, style.filled()));
    }
    if matches!(role, Role::Truth | Role::Forecast) {
        let (dash, gap) = ((5.0 * FINE) as i32, (4.0 * FINE) as i32);
        let points = points.to_vec();
        return canvas.draw(&DashedPathElement::new(points, dash, gap, style));
    }
    canvas.draw(&PathElement::new(points.to_vec(), style))
}

/// Few dots are drawn larger than many, which would hide each other.
fn radius(dots: usize) -> f64 {
    if dots <= FEW_DOTS { 2.8 } else { 1.9 }
}

fn dot(canvas: &Canvas<'_>, place: (i32, i32), role: Role, radius: f64) -> Drawn {
    let (color, opacity, _) = look(role);
    let style = color.mix(opacity).filled();
    canvas.draw(&Circle::new(place, (radius * FINE) as u32, style))
}

/// A band between two opposite corners.
fn area(canvas: &Canvas<'_>, a: (f64, f64), b: (f64, f64)) -> Drawn {
    let (color, opacity, _) = look(Role::Band);
    let corners = [pixel(a.0, a.1), pixel(b.0, b.1)];
    canvas.draw(&Rectangle::new(corners, color.mix(opacity).filled()))
}

fn pixel(x: f64, y: f64) -> (i32, i32) {
    ((x * FINE).round() as i32, (y * FINE).round() as i32)
}

fn stroke(color: &RGBColor, opacity: f64, width: f64) -> ShapeStyle {
    color
        .mix(opacity)
        .stroke_width((width * FINE).round() as u32)
}

fn text(size: f64, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    // The backend divides sizes by 1.24.
    let font = ("sans-serif", size * FINE * 1.24).into_font();
    let style = TextStyle::from(font).color(&RGBColor(30, 30, 30));
    style.pos(Pos::new(horizontal, vertical))
}
