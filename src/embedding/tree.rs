//! Nearest neighbours by a k-d tree (J. L. Bentley, Commun. ACM 18, 509, 1975).

/// Points that are compared one by one.
const LEAF: usize = 12;

/// Points, row by row, halved again and again across their widest side.
pub(super) struct Tree {
    points: Vec<f64>,
    dimension: usize,
    /// Points in the order of the leaves.
    order: Vec<usize>,
    /// Nodes; the first is the root.
    nodes: Vec<Node>,
}

enum Node {
    /// Places in the order, from and up to.
    Leaf(usize, usize),
    /// Coordinates of the left side are at most `value`, of the right at least.
    Split {
        axis: usize,
        value: f64,
        left: usize,
        right: usize,
    },
}

/// The nearest point so far.
struct Best {
    square: f64,
    point: Option<usize>,
}

impl Tree {
    pub(super) fn new(points: Vec<f64>, dimension: usize) -> Self {
        let count = points.len() / dimension;
        let mut tree = Self {
            points,
            dimension,
            order: (0..count).collect(),
            nodes: Vec::new(),
        };
        tree.split(0, count);
        tree
    }

    fn coordinates(&self, point: usize) -> &[f64] {
        &self.points[point * self.dimension..][..self.dimension]
    }

    /// Adds the node of these places, with all below it, and says where it is.
    fn split(&mut self, from: usize, to: usize) -> usize {
        let node = self.nodes.len();
        self.nodes.push(Node::Leaf(from, to));
        let (axis, spread) = self.widest(from, to);
        if to - from <= LEAF || spread <= 0.0 {
            return node;
        }
        let middle = (to - from) / 2;
        let (points, dimension) = (&self.points, self.dimension);
        let coordinate = |point: &usize| points[point * dimension + axis];
        let by_axis = |a: &usize, b: &usize| coordinate(a).total_cmp(&coordinate(b));
        let (_, median, _) = self.order[from..to].select_nth_unstable_by(middle, by_axis);
        let value = coordinate(median);
        let left = self.split(from, from + middle);
        let right = self.split(from + middle, to);
        self.nodes[node] = Node::Split {
            axis,
            value,
            left,
            right,
        };
        node
    }

    /// The axis along which these points are spread most, and how far.
    fn widest(&self, from: usize, to: usize) -> (usize, f64) {
        let spread = |axis: usize| {
            let values = self.order[from..to].iter();
            let values = values.map(|point| self.coordinates(*point)[axis]);
            let ends = (f64::INFINITY, f64::NEG_INFINITY);
            let (low, high) = values.fold(ends, |(low, high), x| (low.min(x), high.max(x)));
            (axis, high - low)
        };
        let wider = |a: (usize, f64), b: (usize, f64)| if b.1 > a.1 { b } else { a };
        (0..self.dimension).map(spread).fold((0, 0.0), wider)
    }

    /// The point nearest to this one among those that `may` be it, with the square of
    /// the distance.
    pub(super) fn nearest(
        &self,
        point: usize,
        may: impl Fn(usize) -> bool,
    ) -> Option<(f64, usize)> {
        let mut best = Best {
            square: f64::INFINITY,
            point: None,
        };
        self.visit(0, self.coordinates(point), &may, &mut best);
        best.point.map(|point| (best.square, point))
    }

    fn visit(&self, node: usize, x: &[f64], may: &impl Fn(usize) -> bool, best: &mut Best) {
        match self.nodes[node] {
            Node::Leaf(from, to) => {
                for &other in self.order[from..to].iter().filter(|other| may(**other)) {
                    let differences = self.coordinates(other).iter().zip(x);
                    let square = differences.map(|(a, b)| (a - b) * (a - b)).sum();
                    if square < best.square {
                        (best.square, best.point) = (square, Some(other));
                    }
                }
            }
            Node::Split {
                axis,
                value,
                left,
                right,
            } => {
                let beyond = x[axis] - value;
                let (near, far) = if beyond < 0.0 {
                    (left, right)
                } else {
                    (right, left)
                };
                self.visit(near, x, may, best);
                if beyond * beyond < best.square {
                    self.visit(far, x, may, best);
                }
            }
        }
    }
}
