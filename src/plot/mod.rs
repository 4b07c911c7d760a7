//! Figures for papers: action levels, paths and parameters in one SVG
//! (feature `plot`).
//!
//! A [`Figure`] holds [`Panel`]s. Colours are those of Okabe and Ito (*Color
//! Universal Design*, 2008), which colour-blind readers can tell apart; what a
//! colour means is said in the legend above each panel, never on the data. No
//! font is needed to write a figure.
//!
//! ```no_run
//! use deepest::plot::{Figure, Panel};
//! use deepest::prelude::*;
//!
//! fn figure(
//!     action: &Action,
//!     annealing: &Annealing,
//! ) -> deepest::Result<()> {
//!     let mut figure = Figure::new()
//!         .columns(2)
//!         .panel(Panel::levels(action, annealing))
//!         .panel(Panel::errors(action, annealing))
//!         .panel(Panel::parameter(action, annealing, 0).y_label("conductance (mS)"));
//!     if let Some((_, best)) = annealing.best() {
//!         let panel = Panel::state(action, &best.estimate, 0, 3)?;
//!         figure = figure.panel(panel.x_label("time (ms)").y_label("V (mV)"));
//!     }
//!     figure.write("annealing.svg")
//! }
//! ```

mod draw;
mod panel;
mod scale;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use panel::Panel;

use crate::error::{Error, Result};
use crate::file;

/// Panels side by side and one under the other, in the order they were added.
///
/// ```
/// use deepest::plot::{Figure, Panel};
///
/// let times = [0.0, 0.1, 0.2];
/// let panel = Panel::path(&times, &[1.0, 1.4, 1.7])?.data(&times, &[1.1, f64::NAN, 1.6])?;
/// let svg = Figure::new().panel(panel.y_label("V (mV)")).to_svg()?;
/// assert!(svg.contains("V (mV)"));
/// # Ok::<(), deepest::Error>(())
/// ```
#[doc(alias("plot", "svg", "chart"))]
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a figure is drawn by `write` or `to_svg`"]
pub struct Figure {
    columns: usize,
    width: u32,
    panel_height: u32,
    panels: Vec<Panel>,
}

impl Default for Figure {
    fn default() -> Self {
        Self::new()
    }
}

impl Figure {
    /// An empty figure: one column, 800 pixels wide, panels 300 pixels high.
    pub fn new() -> Self {
        Self {
            columns: 1,
            width: 800,
            panel_height: 300,
            panels: Vec::new(),
        }
    }

    /// Adds a panel.
    pub fn panel(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }

    /// Panels in one row.
    pub fn columns(mut self, count: usize) -> Self {
        self.columns = count;
        self
    }

    /// Width of the whole figure and height of each panel, in pixels of text
    /// 12 pixels high.
    pub fn size(mut self, width: u32, panel_height: u32) -> Self {
        self.width = width;
        self.panel_height = panel_height;
        self
    }

    /// The figure as the text of an SVG file.
    ///
    /// # Errors
    /// [`Error::Empty`] without panels or columns; [`Error::OutOfRange`] for
    /// panels narrower than 240 or lower than 180 pixels, in which labels do
    /// not fit, and for figures beyond 20,000 pixels.
    pub fn to_svg(&self) -> Result<String> {
        for (what, count) in [("panels", self.panels.len()), ("columns", self.columns)] {
            if count == 0 {
                return Err(Error::Empty {
                    what,
                    place: "figure".into(),
                });
            }
        }
        let rows = self.panels.len().div_ceil(self.columns);
        let panel_width = f64::from(self.width) / self.columns as f64;
        let panel_height = f64::from(self.panel_height);
        for (what, low, high, found) in [
            ("width of a panel", 240.0, 20_000.0, panel_width),
            ("height of a panel", 180.0, 20_000.0, panel_height),
            ("width", 240.0, 20_000.0, f64::from(self.width)),
            ("height", 180.0, 20_000.0, panel_height * rows as f64),
        ] {
            if !(low..=high).contains(&found) {
                return Err(Error::OutOfRange {
                    what,
                    place: "figure, in pixels".into(),
                    low,
                    high,
                    found,
                });
            }
        }
        draw::figure(&self.panels, self.columns, (panel_width, panel_height))
    }

    /// Writes the SVG file, replacing what is there when it is whole.
    ///
    /// # Errors
    /// As [`Figure::to_svg`], and [`Error::File`] when the file cannot be
    /// written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        file::replace(path.as_ref(), self.to_svg()?.as_bytes())
    }
}
