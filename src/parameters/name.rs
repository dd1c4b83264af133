//! Names of parameters, as the kernel wants them.

use audit::parameters::Parameter;

/// The longest name, in characters.
const LONGEST: usize = 32;

/// A name in UTF-16.
pub(crate) struct Name {
    units: [u16; LONGEST],
    length: usize,
}

impl Name {
    /// Maximum IRQL: any.
    pub(crate) fn of(parameter: Parameter) -> Self {
        let name = parameter.row().name; // in ASCII
        let mut units = [0; LONGEST];
        for (unit, character) in units.iter_mut().zip(name.bytes()) {
            *unit = u16::from(character);
        }
        Self { units, length: name.len() }
    }

    /// Maximum IRQL: any.
    pub(crate) fn units(&self) -> &[u16] {
        self.units.get(..self.length).unwrap_or(&self.units)
    }
}
