//! Sets of variables that take no more memory than they have members, nor than a
//! bit for each variable that there is.

/// Some of the variables 0, 1, …, a fixed number of them.
#[derive(Debug, Clone)]
pub(super) enum Set {
    /// In increasing order.
    Few(Vec<u32>),
    /// One bit a variable.
    Many(Vec<u64>),
}

impl Default for Set {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

/// Members from which on bits take less memory than a list.
fn most_listed(variables: usize) -> usize {
    variables / 32 + 1
}

impl Set {
    /// The set of one variable.
    pub(super) fn of(variable: usize) -> Self {
        Self::Few(vec![variable as u32])
    }

    /// The set of increasing members.
    pub(super) fn from_increasing(members: &[usize], variables: usize) -> Self {
        let mut set = Self::Few(members.iter().map(|&v| v as u32).collect());
        set.settle(variables);
        set
    }

    /// Adds the members of another set.
    pub(super) fn join(&mut self, other: &Self, variables: usize) {
        match (&mut *self, other) {
            (Self::Many(bits), Self::Many(others)) => {
                for (word, other) in bits.iter_mut().zip(others) {
                    *word |= other;
                }
            }
            (Self::Many(bits), Self::Few(others)) => insert(bits, others),
            (Self::Few(members), Self::Many(others)) => {
                let mut bits = others.clone();
                insert(&mut bits, members);
                *self = Self::Many(bits);
            }
            (Self::Few(members), Self::Few(others)) => {
                if others.iter().all(|v| members.binary_search(v).is_ok()) {
                    return;
                }
                members.extend_from_slice(others);
                members.sort_unstable();
                members.dedup();
                self.settle(variables);
            }
        }
    }

    /// Takes bits where these are less.
    fn settle(&mut self, variables: usize) {
        if let Self::Few(members) = self
            && members.len() > most_listed(variables)
        {
            let mut bits = vec![0; variables.div_ceil(64)];
            insert(&mut bits, members);
            *self = Self::Many(bits);
        }
    }

    /// Calls `see` for each member, in increasing order.
    pub(super) fn each(&self, mut see: impl FnMut(usize)) {
        match self {
            Self::Few(members) => members.iter().for_each(|&v| see(v as usize)),
            Self::Many(bits) => {
                for (k, &word) in bits.iter().enumerate() {
                    let mut rest = word;
                    while rest != 0 {
                        see(64 * k + rest.trailing_zeros() as usize);
                        rest &= rest - 1;
                    }
                }
            }
        }
    }

    /// The members in increasing order.
    pub(super) fn members(&self) -> Vec<usize> {
        let mut members = Vec::new();
        self.each(|v| members.push(v));
        members
    }

    /// Bytes that the members take.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Few(members) => 4 * members.capacity(),
            Self::Many(bits) => 8 * bits.len(),
        }
    }
}

fn insert(bits: &mut [u64], members: &[u32]) {
    for &v in members {
        if let Some(word) = bits.get_mut(v as usize / 64) {
            *word |= 1 << (v % 64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Random sets of up to all of 200 variables against the standard library's.
    #[test]
    fn joined_sets_are_those_of_the_standard_library_and_never_large() {
        let variables = 200;
        let mut state = 7_u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        for _ in 0..300 {
            let mut draw = || {
                let count = random(6) * random(30);
                (0..count).map(|_| random(variables)).collect()
            };
            let (a, b): (BTreeSet<usize>, BTreeSet<usize>) = (draw(), draw());
            let [mut left, right] = [&a, &b].map(|of| {
                let members: Vec<usize> = of.iter().copied().collect();
                Set::from_increasing(&members, variables)
            });
            left.join(&right, variables);
            let expected: Vec<usize> = a.union(&b).copied().collect();
            assert_eq!(left.members(), expected);
            // 25 bytes of bits in words of eight, or a list that is shorter (and
            // may have grown by doubling).
            assert!(left.bytes() <= 64, "{}", left.bytes());
        }
    }
}
