//! A hash that is the same on every machine.

/// FNV-1a with 64 bits (Fowler, Noll, Vo): no change of one byte goes unseen.
pub(super) struct Hash(u64);

impl Hash {
    pub(super) fn new() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }

    pub(super) fn value(&self) -> u64 {
        self.0
    }

    pub(super) fn of(bytes: &[u8]) -> u64 {
        let mut hash = Self::new();
        hash.bytes(bytes);
        hash.0
    }

    pub(super) fn of_numbers(values: &[f64]) -> u64 {
        let mut hash = Self::new();
        hash.numbers(values);
        hash.0
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }

    /// A text with its length, so that where it ends counts.
    pub(super) fn text(&mut self, text: &str) {
        self.count(text.len());
        self.bytes(text.as_bytes());
    }

    pub(super) fn count(&mut self, count: usize) {
        self.bytes(&(count as u64).to_le_bytes());
    }

    /// Which NaN it is does not matter.
    pub(super) fn number(&mut self, value: f64) {
        let value = if value.is_nan() { f64::NAN } else { value };
        self.bytes(&value.to_bits().to_le_bytes());
    }

    pub(super) fn numbers<'a>(&mut self, values: impl IntoIterator<Item = &'a f64>) {
        for value in values {
            self.number(*value);
        }
    }
}
