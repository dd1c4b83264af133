//! What filters that judge by less would have concluded of a write.
//!
//! Five rules are common. Each is a pure function of what a filter sees in its pre-write callback; whether it is right
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
    /// Each of several user processes, through views of the same pages.
    Several(Vec<Who>),
    /// Nobody anew: what these wrote before is on its way to the disk.
    Again(Vec<Who>),
    /// A client on another machine, for which the file server wrote.
    Remote(String),
}

/// What a filter sees in its pre-write callback, and the truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// When.
    pub time: FileTime,
    /// The current thread (`PsGetCurrentThread`), and the process that owns it (`PsGetCurrentProcessId`).
    pub current: Who,
    /// PID and image of the process that the current thread is attached to: what `PsGetCurrentProcess` answers then.
    pub attached_to: Option<(u32, String)>,
    /// `FLT_CALLBACK_DATA->Thread`; `None` is NULL.
    pub thread: Option<Who>,
    /// Whether `FLT_CALLBACK_DATA->RequestorMode` is `UserMode`.
    pub user_mode: bool,
    /// `FltGetRequestorProcessId`, and that process's image where it is known.
    pub requestor: Option<(u32, Option<String>)>,
    /// The process whose thread opened the file object, as a filter can note in its create callback; `None` if it was
    /// open before the filter came.
    pub opener: Option<Who>,
    /// The file.
    pub path: String,
    /// Where in it.
    pub offset: Offset,
    /// How many bytes.
    pub length: u32,
    /// What it is, if it is a change of another kind than a write; it has no place and length then.
    pub change: Option<&'static str>,
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
    /// Whatever `FltGetRequestorProcessId` says; System is skipped.
    RequestorProcessId,
    /// The process that opened the file object; System is skipped.
    Opener,
    /// `PsGetCurrentProcessId` before the operation, as Microsoft's sample minispy records it; nothing is skipped.
    Minispy,
}

/// What a rule makes of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// It is skipped.
    Skipped,
    /// Nothing tells.
    Unknown,
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
    /// Nobody is named.
    Unknown,
    /// Who wrote is named, though it was before: the write counts twice.
    Again,
}

impl Rule {
    /// All rules, in the order they are shown.
    pub const ALL: [Self; 5] =
        [Self::CurrentProcess, Self::RequestorMode, Self::RequestorProcessId, Self::Opener, Self::Minispy];

    /// Its name for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CurrentProcess => "current-process",
            Self::RequestorMode => "requestor-mode",
            Self::RequestorProcessId => "requestor-process-id",
            Self::Opener => "opener",
            Self::Minispy => "minispy",
        }
    }

    /// What it looks at, for people.
    #[must_use]
    pub fn looks_at(self) -> &'static str {
        match self {
            Self::CurrentProcess => "the current process",
            Self::RequestorMode => "RequestorMode",
            Self::RequestorProcessId => "FltGetRequestorProcessId",
            Self::Opener => "the opener of the file",
            Self::Minispy => "minispy's record",
        }
    }

    /// What it makes of the write.
    #[must_use]
    pub fn concludes(self, seen: &Explanation) -> Conclusion {
        let process = |pid, image: &str| Conclusion::Process { pid, image: Some(image.to_owned()) };
        let owner = (seen.current.pid, seen.current.image.as_str());
        let (current, image) = seen.attached_to.as_ref().map_or(owner, |(pid, image)| (*pid, image));
        match self {
            Self::CurrentProcess if current == SYSTEM_PID => Conclusion::Skipped,
            Self::RequestorMode if !seen.user_mode => Conclusion::Skipped,
            Self::CurrentProcess | Self::RequestorMode => process(current, image),
            Self::Minispy => process(seen.current.pid, &seen.current.image),
            Self::Opener => match &seen.opener {
                None => Conclusion::Unknown,
                Some(Who { pid: SYSTEM_PID, .. }) => Conclusion::Skipped,
                Some(Who { pid, image, .. }) => process(*pid, image),
            },
            Self::RequestorProcessId => match &seen.requestor {
                None | Some((SYSTEM_PID, _)) => Conclusion::Skipped,
                Some((pid, image)) => Conclusion::Process { pid: *pid, image: image.clone() },
            },
        }
    }
}

impl Rule {
    /// How what it concludes compares with what really happened.
    #[must_use]
    pub fn verdict(self, seen: &Explanation) -> Verdict {
        match (self, &seen.truth) {
            // As it skips nothing and says of nobody that he is a user, it is right to name the kernel's process.
            (Self::Minispy, Truth::Kernel(who)) if seen.failed.is_none() && who.pid == seen.current.pid => {
                Verdict::Right
            }
            (Self::Minispy, Truth::Again(_)) if seen.failed.is_none() && seen.current.pid == SYSTEM_PID => {
                Verdict::Right
            }
            _ => self.concludes(seen).verdict(seen),
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
            (Self::Skipped, Truth::Kernel(_) | Truth::Again(_)) => Verdict::Right,
            (Self::Process { pid, .. }, Truth::Again(before)) => {
                if before.iter().any(|who| who.pid == *pid) {
                    Verdict::Again
                } else {
                    Verdict::Wrong
                }
            }
            (Self::Unknown, _) => Verdict::Unknown,
            (Self::Skipped, Truth::User(_) | Truth::Several(_) | Truth::Remote(_)) => Verdict::Missed,
            (Self::Process { pid, .. }, Truth::User(who)) if *pid == who.pid => Verdict::Right,
            // One of several is not who wrote.
            (Self::Process { .. }, Truth::User(_) | Truth::Several(_) | Truth::Remote(_)) => Verdict::Wrong,
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
            Self::Unknown => "unknown",
            Self::Again => "again",
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
            attached_to: None,
            thread: Some(explorer.clone()),
            user_mode: false,
            requestor: Some((3756, Some(r"C:\Windows\explorer.exe".to_owned()))),
            opener: Some(explorer.clone()),
            path: r"D:\Backup\photo.jpg".to_owned(),
            offset: Offset::At(0),
            length: 65_536,
            change: None,
            fast_io: false,
            paging: false,
            copy_source: Some((r"C:\Pictures\photo.jpg".to_owned(), 0)),
            failed: None,
            truth: Truth::User(explorer),
        }
    }

    fn verdicts(seen: &Explanation) -> [Verdict; 5] {
        Rule::ALL.map(|rule| rule.verdict(seen))
    }

    use Verdict::{Kernels, Missed, NoWrite, Right, Unknown, Wrong};

    #[test]
    fn who_looks_at_the_current_process_or_the_mode_misses_a_kernel_mode_copy() {
        assert_eq!(verdicts(&copied_chunk()), [Missed, Missed, Right, Right, Wrong]);
    }

    #[test]
    fn all_are_right_about_a_plain_write() {
        let explorer = who(3756, 3760, "explorer.exe");
        let plain = Explanation { current: explorer.clone(), user_mode: true, ..copied_chunk() };
        assert_eq!(verdicts(&plain), [Right; 5]);
    }

    #[test]
    fn a_thread_attached_elsewhere_deceives_who_asks_for_the_process() {
        let explorer = who(3756, 3760, "explorer.exe");
        let attached = Explanation {
            current: explorer,
            attached_to: Some((900, "notepad.exe".to_owned())),
            requestor: Some((900, None)),
            ..copied_chunk()
        };
        assert_eq!(verdicts(&attached), [Wrong, Missed, Wrong, Right, Right]);
    }

    #[test]
    fn a_write_of_registry_passes_for_a_users() {
        let registry = who(88, 96, "Registry");
        let truth = Truth::Kernel(registry.clone());
        let seen = Explanation {
            current: registry.clone(),
            requestor: Some((88, None)),
            opener: Some(registry),
            truth,
            ..copied_chunk()
        };
        assert_eq!(verdicts(&seen), [Kernels, Right, Kernels, Kernels, Right]);
    }

    #[test]
    fn a_refused_fast_io_is_no_write() {
        let explorer = who(3756, 3760, "explorer.exe");
        let failed = Some("STATUS_FLT_DISALLOW_FAST_IO".to_owned());
        let refused = Explanation { current: explorer, user_mode: true, failed, ..copied_chunk() };
        assert_eq!(verdicts(&refused), [NoWrite; 5]);
    }

    #[test]
    fn a_write_of_the_kernel_is_rightly_skipped() {
        let kernel = Explanation {
            requestor: Some((4, None)),
            opener: Some(who(4, 120, "System")),
            truth: Truth::Kernel(who(4, 120, "System")),
            ..copied_chunk()
        };
        assert_eq!(verdicts(&kernel), [Right; 5]);
    }

    #[test]
    fn who_writes_with_an_inherited_handle_is_not_who_opened_it() {
        let child = who(4000, 4004, "child.exe");
        let truth = Truth::User(child.clone());
        let seen = Explanation { current: child, user_mode: true, truth, ..copied_chunk() };
        assert_eq!(verdicts(&seen), [Right, Right, Wrong, Wrong, Right]);
        assert_eq!(verdicts(&Explanation { opener: None, ..seen })[3], Unknown);
    }

    #[test]
    fn one_of_several_writers_is_nobody_right_to_name() {
        let both = vec![who(3756, 3760, "explorer.exe"), who(4000, 4004, "child.exe")];
        let seen = Explanation { truth: Truth::Several(both), ..copied_chunk() };
        assert_eq!(verdicts(&seen), [Missed, Missed, Wrong, Wrong, Wrong]);
        let remote = Explanation { truth: Truth::Remote("192.0.2.7".to_owned()), ..seen };
        assert_eq!(verdicts(&remote), [Missed, Missed, Wrong, Wrong, Wrong]);
    }
}
