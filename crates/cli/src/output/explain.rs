//! What filters that judge by less would have concluded of a write.
//!
//! Three rules are common. Each is a pure function of what a filter sees in its pre-write callback; whether it is right
//! is judged by who really wrote, which only a simulation knows.

use crate::model::{FileTime, Offset};

/// PID of the System process.
pub const SYSTEM_PID: u32 = 4;

/// A thread and its process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// Process ID.
    pub pid: u32,
    /// Thread ID.
    pub tid: u32,
    /// Path or name of the image.
    pub image: String,
}

/// Who really wrote, as whoever played the write knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Truth {
    /// A thread of a user process.
    User(Who),
    /// The kernel; no user's write.
    Kernel(Who),
}

/// What a filter sees in its pre-write callback, and the truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// When.
    pub time: FileTime,
    /// The current thread (`PsGetCurrentThread`).
    pub current: Who,
    /// `FLT_CALLBACK_DATA->Thread`; `None` is NULL.
    pub thread: Option<Who>,
    /// Whether `FLT_CALLBACK_DATA->RequestorMode` is `UserMode`.
    pub user_mode: bool,
    /// `FltGetRequestorProcessId`, and that process's image where it is known.
    pub requestor: Option<(u32, Option<String>)>,
    /// The file.
    pub path: String,
    /// Where in it.
    pub offset: Offset,
    /// How many bytes.
    pub length: u32,
    /// Whether it is fast I/O.
    pub fast_io: bool,
    /// Whether it is paging I/O.
    pub paging: bool,
    /// Source file and offset, if it is a chunk of a kernel-mode copy.
    pub copy_source: Option<(String, i64)>,
    /// How the operation ended, if it failed.
    pub failed: Option<String>,
    /// Who really wrote.
    pub truth: Truth,
}

/// A rule by which filters tell who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Writes in the context of System are skipped, others are the current process's.
    CurrentProcess,
    /// Writes that are not `UserMode` are skipped, others are the current process's.
    RequestorMode,
    /// Whatever `FltGetRequestorProcessId` says.
    RequestorProcessId,
}

/// What a rule makes of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// It is skipped.
    Skipped,
    /// A process wrote.
    Process {
        /// Its ID.
        pid: u32,
        /// Its image, where it is known.
        image: Option<String>,
    },
}

/// How a conclusion compares with the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it was.
    Right,
    /// A user's write is not seen.
    Missed,
    /// A write is laid at the wrong door.
    Wrong,
    /// A write of the kernel's own is taken for a user's.
    Kernels,
    /// What failed, or will come again as another operation, is taken for a write.
    NoWrite,
}

impl Rule {
    /// All rules, in the order they are shown.
    pub const ALL: [Self; 3] = [Self::CurrentProcess, Self::RequestorMode, Self::RequestorProcessId];

    /// Its name for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CurrentProcess => "current-process",
            Self::RequestorMode => "requestor-mode",
            Self::RequestorProcessId => "requestor-process-id",
        }
    }

    /// What it looks at, for people.
    #[must_use]
    pub fn looks_at(self) -> &'static str {
        match self {
            Self::CurrentProcess => "the current process",
            Self::RequestorMode => "RequestorMode",
            Self::RequestorProcessId => "FltGetRequestorProcessId",
        }
    }

    /// What it makes of the write.
    #[must_use]
    pub fn concludes(self, seen: &Explanation) -> Conclusion {
        let current =
            || Conclusion::Process { pid: seen.current.pid, image: Some(seen.current.image.clone()) };
        match self {
            Self::CurrentProcess if seen.current.pid == SYSTEM_PID => Conclusion::Skipped,
            Self::RequestorMode if !seen.user_mode => Conclusion::Skipped,
            Self::CurrentProcess | Self::RequestorMode => current(),
            Self::RequestorProcessId => match &seen.requestor {
                None | Some((SYSTEM_PID, _)) => Conclusion::Skipped,
                Some((pid, image)) => Conclusion::Process { pid: *pid, image: image.clone() },
            },
        }
    }
}

impl Conclusion {
    /// How it compares with what really happened.
    #[must_use]
    pub fn verdict(&self, seen: &Explanation) -> Verdict {
        match (self, &seen.truth) {
            (Self::Skipped, _) if seen.failed.is_some() => Verdict::Right,
            (Self::Process { .. }, _) if seen.failed.is_some() => Verdict::NoWrite,
            (Self::Skipped, Truth::Kernel(_)) => Verdict::Right,
            (Self::Skipped, Truth::User(_)) => Verdict::Missed,
            (Self::Process { pid, .. }, Truth::User(who)) if *pid == who.pid => Verdict::Right,
            (Self::Process { .. }, Truth::User(_)) => Verdict::Wrong,
            (Self::Process { .. }, Truth::Kernel(_)) => Verdict::Kernels,
        }
    }
}

impl Verdict {
    /// For programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Missed => "missed",
            Self::Wrong => "wrong",
            Self::Kernels => "kernels-own",
            Self::NoWrite => "no-write",
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn who(pid: u32, tid: u32, image: &str) -> Who {
        Who { pid, tid, image: image.to_owned() }
    }

    /// A chunk of a kernel-mode copy, as a filter sees it on Windows 11 22H2.
    pub(crate) fn copied_chunk() -> Explanation {
        let explorer = who(3756, 3760, r"C:\Windows\explorer.exe");
        Explanation {
            time: FileTime(133_485_840_000_000_000),
            current: who(4, 120, "System"),
            thread: Some(explorer.clone()),
            user_mode: false,
            requestor: Some((3756, Some(r"C:\Windows\explorer.exe".to_owned()))),
            path: r"D:\Backup\photo.jpg".to_owned(),
            offset: Offset::At(0),
            length: 65_536,
            fast_io: false,
            paging: false,
            copy_source: Some((r"C:\Pictures\photo.jpg".to_owned(), 0)),
            failed: None,
            truth: Truth::User(explorer),
        }
    }

    fn verdicts(seen: &Explanation) -> [Verdict; 3] {
        Rule::ALL.map(|rule| rule.concludes(seen).verdict(seen))
    }

    #[test]
    fn two_of_three_rules_miss_a_kernel_mode_copy() {
        assert_eq!(verdicts(&copied_chunk()), [Verdict::Missed, Verdict::Missed, Verdict::Right]);
    }

    #[test]
    fn all_are_right_about_a_plain_write() {
        let explorer = who(3756, 3760, "explorer.exe");
        let plain = Explanation { current: explorer.clone(), user_mode: true, ..copied_chunk() };
        assert_eq!(verdicts(&plain), [Verdict::Right; 3]);
    }

    #[test]
    fn a_thread_attached_elsewhere_deceives_the_requestor() {
        let attached = Explanation { requestor: Some((900, None)), ..copied_chunk() };
        assert_eq!(verdicts(&attached)[2], Verdict::Wrong);
    }

    #[test]
    fn a_write_of_registry_passes_for_a_users() {
        let registry = who(88, 96, "Registry");
        let truth = Truth::Kernel(registry.clone());
        let seen = Explanation { current: registry, requestor: Some((88, None)), truth, ..copied_chunk() };
        assert_eq!(verdicts(&seen), [Verdict::Kernels, Verdict::Right, Verdict::Kernels]);
    }

    #[test]
    fn a_refused_fast_io_is_no_write() {
        let explorer = who(3756, 3760, "explorer.exe");
        let failed = Some("STATUS_FLT_DISALLOW_FAST_IO".to_owned());
        let refused = Explanation { current: explorer, user_mode: true, failed, ..copied_chunk() };
        assert_eq!(verdicts(&refused), [Verdict::NoWrite; 3]);
    }

    #[test]
    fn a_write_of_the_kernel_is_rightly_skipped() {
        let kernel = Explanation {
            requestor: Some((4, None)),
            truth: Truth::Kernel(who(4, 120, "System")),
            ..copied_chunk()
        };
        assert_eq!(verdicts(&kernel), [Verdict::Right; 3]);
    }
}
