//! The detail of a `CreateFile`.

use super::{DetailError, Pair, is_hexadecimal, pairs, value};

/// Keys that a `CreateFile` has. Others, of newer versions, stay part of the value before them.
const CREATE_KEYS: &[&str] = &[
    "Desired Access",
    "Disposition",
    "Options",
    "Attributes",
    "ShareMode",
    "AllocationSize",
    "Impersonating",
    "OpenResult",
];

/// How a file was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) access: Access,
    pub(crate) outcome: Outcome,
    pub(crate) directory: bool,
    pub(crate) non_cached: bool,
    pub(crate) write_through: bool,
}

/// The part of the desired access that decides whether a handle can be written through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) append: bool,
}

/// What opening the file did to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Opened,
    Created,
    Overwritten,
    Superseded,
}

/// Reads the detail of a `CreateFile` that succeeded.
pub(crate) fn open(detail: &str) -> Result<Open, DetailError> {
    let pairs = pairs(detail, CREATE_KEYS)?;
    let mut access = Access::default();
    for right in value(&pairs, "Desired Access", detail)?.value.split(", ") {
        access = access.with(right);
    }
    let outcome = match pairs.iter().find(|pair| pair.key == "OpenResult") {
        // Older versions do not print it.
        None => Outcome::Opened,
        Some(Pair { value, at, .. }) => match *value {
            "Opened" | "Exists" | "" => Outcome::Opened,
            "Created" => Outcome::Created,
            "Overwritten" => Outcome::Overwritten,
            "Superseded" => Outcome::Superseded,
            other if is_hexadecimal(other) => Outcome::Opened,
            other => return Err(DetailError::new(*at, format!("`{other}` is no result of opening a file"))),
        },
    };
    let options = pairs.iter().find(|pair| pair.key == "Options").map_or("", |pair| pair.value);
    let has = |option| options.split(", ").any(|given| given == option);
    Ok(Open {
        access,
        outcome,
        directory: has("Directory"),
        non_cached: has("No Buffering"),
        write_through: has("Write Through"),
    })
}

impl Access {
    /// Adds a right under the name that Process Monitor gives it.
    fn with(mut self, right: &str) -> Self {
        match right {
            "Generic Read" | "Generic Read/Execute" | "Read Data/List Directory" => self.read = true,
            "Generic Write" | "Write Data/Add File" => self.write = true,
            "Generic Read/Write"
            | "Generic Read/Write/Execute"
            | "All Access"
            | "Generic All"
            | "Maximum Allowed" => {
                self.read = true;
                self.write = true;
            }
            "Append Data/Add Subdirectory/Create Pipe Instance" | "Append Data/Add Subdirectory" => {
                self.append = true;
            }
            // "Generic Write/Execute" and rarer combinations.
            other if other.starts_with("Generic") && other.contains("Write") => self.write = true,
            _ => {}
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_is_read() {
        let detail = "Desired Access: Generic Read/Write, Read Attributes, Disposition: OpenIf, Options: Synchronous IO Non-Alert, \
                      Non-Directory File, No Buffering, Attributes: n/a, ShareMode: Read, Write, Delete, AllocationSize: 0, \
                      Impersonating: HOST\\user, OpenResult: Created";
        assert_eq!(
            open(detail),
            Ok(Open {
                access: Access { read: true, write: true, append: false },
                outcome: Outcome::Created,
                directory: false,
                non_cached: true,
                write_through: false,
            })
        );
        let directory = open("Desired Access: Synchronize, Disposition: Open, Options: Directory").unwrap();
        assert!(directory.directory && directory.access == Access::default());
        assert!(open("Disposition: Open").is_err());
        assert!(open("Desired Access: Read, OpenResult: Opend").is_err());
    }
}
