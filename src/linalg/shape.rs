//! The shape of a block-arrow matrix.

use crate::error::{Error, Result};

/// Factors larger than this many entries (8 TiB) are refused as a mistake.
const LARGEST_FACTOR: f64 = (1u64 << 40) as f64;

/// One chain: nodes in a row, and between node k and node k + 1 the interval k
/// with unknowns of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainShape {
    /// Number of unknowns of each node, at least 1 each.
    pub nodes: Vec<usize>,
    /// Number of interior unknowns of each interval, one fewer than nodes; may be 0.
    pub interiors: Vec<usize>,
}

impl ChainShape {
    /// A chain of `count` nodes of `node` unknowns with `interior` unknowns in every interval.
    pub fn uniform(count: usize, node: usize, interior: usize) -> Self {
        Self {
            nodes: vec![node; count],
            interiors: vec![interior; count.saturating_sub(1)],
        }
    }

    /// Number of unknowns of the chain.
    pub fn dimension(&self) -> usize {
        self.nodes.iter().sum::<usize>() + self.interiors.iter().sum::<usize>()
    }
}

/// The shape of a symmetric block-arrow matrix: chains that are coupled only
/// through one border.
///
/// The order of the unknowns in every vector is: for each chain node 0,
/// interior 0, node 1, interior 1, …, last node; after all chains the border.
/// An entry of the matrix may be nonzero where both unknowns belong to the same
/// interval (its two nodes and its interior) or one of them to the border.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrowShape {
    chains: Vec<ChainShape>,
    border: usize,
    dimension: usize,
}

impl ArrowShape {
    /// Checks and keeps a shape; `border` may be 0.
    ///
    /// # Errors
    /// [`Error::Empty`] without a chain or for a chain without nodes,
    /// [`Error::Length`] where the number of interiors is not the number of
    /// intervals, [`Error::NotPositive`] for a node of no unknowns,
    /// [`Error::OutOfRange`] where the factor could not be held by any machine.
    pub fn new(chains: Vec<ChainShape>, border: usize) -> Result<Self> {
        if chains.is_empty() {
            return Err(Error::Empty {
                what: "chains",
                place: "block-arrow shape".into(),
            });
        }
        for (index, chain) in chains.iter().enumerate() {
            check_chain(index, chain)?;
        }
        check_size(&chains, border)?;
        let dimension = chains.iter().map(ChainShape::dimension).sum::<usize>() + border;
        Ok(Self {
            chains,
            border,
            dimension,
        })
    }

    /// Number of unknowns, the border included.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Number of unknowns of the border.
    pub fn border(&self) -> usize {
        self.border
    }

    /// The chains.
    pub fn chains(&self) -> &[ChainShape] {
        &self.chains
    }
}

fn check_chain(index: usize, chain: &ChainShape) -> Result<()> {
    if chain.nodes.is_empty() {
        return Err(Error::Empty {
            what: "nodes",
            place: format!("chain {index}"),
        });
    }
    if chain.interiors.len() + 1 != chain.nodes.len() {
        return Err(Error::Length {
            what: "interiors",
            place: format!("chain {index}"),
            expected: chain.nodes.len() - 1,
            found: chain.interiors.len(),
        });
    }
    match chain.nodes.iter().position(|&size| size == 0) {
        Some(node) => Err(Error::NotPositive {
            what: "number of unknowns",
            place: format!("chain {index}, node {node}"),
            found: 0.0,
        }),
        None => Ok(()),
    }
}

/// In floating point, because the sizes may be anything and their sum may overflow.
fn check_size(chains: &[ChainShape], border: usize) -> Result<()> {
    let border = border as f64 + 8.0;
    let mut entries = border * border;
    for chain in chains {
        for (k, &left) in chain.nodes.iter().enumerate() {
            let interior = chain.interiors.get(k).map_or(0.0, |&size| size as f64);
            let right = chain.nodes.get(k + 1).map_or(0.0, |&size| size as f64);
            let pivots = interior + left as f64;
            entries += (pivots + right + border) * (pivots + right);
        }
    }
    if entries > LARGEST_FACTOR {
        return Err(Error::OutOfRange {
            what: "entries of the factor",
            place: "block-arrow shape".into(),
            low: 1.0,
            high: LARGEST_FACTOR,
            found: entries,
        });
    }
    Ok(())
}
