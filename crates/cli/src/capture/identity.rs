//! Which process a row tells of: PIDs are used again, so a PID alone does not say.

use std::collections::HashMap;

use super::Process;

/// Processes that have no image file, by the names that Process Monitor gives them.
const KERNEL_NAMES: &[&str] =
    &["Idle", "System", "Registry", "MemCompression", "Memory Compression", "Secure System", "vmmem"];

/// PID of the System process.
const SYSTEM_PID: u32 = 4;

/// What a row says about its process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim<'a> {
    pub(crate) pid: u32,
    pub(crate) image: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
    pub(crate) parent_pid: Option<u32>,
    pub(crate) session: Option<u32>,
    /// The row says that the process starts.
    pub(crate) starts: bool,
}

/// The processes of a capture, told apart.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    all: Vec<Process>,
    /// The process that has a PID at the row being read.
    current: HashMap<u32, usize>,
}

impl Processes {
    /// The process of a row: the one that has the PID, unless the row shows that another has it now.
    pub(crate) fn identify(&mut self, claim: Claim<'_>) -> usize {
        if let Some(&index) = self.current.get(&claim.pid)
            && is_same(&self.all[index], claim)
        {
            let known = &mut self.all[index];
            known.parent_pid = known.parent_pid.or(claim.parent_pid);
            known.session = known.session.or(claim.session);
            return index;
        }
        let index = self.all.len();
        self.all.push(Process {
            pid: claim.pid,
            image: image(claim),
            parent_pid: claim.parent_pid,
            session: claim.session,
            kernel: is_kernel(claim),
        });
        self.current.insert(claim.pid, index);
        index
    }

    pub(crate) fn into_vec(self) -> Vec<Process> {
        self.all
    }
}

/// The image's path, or the name where the path is not known.
fn image(claim: Claim<'_>) -> Option<String> {
    [claim.image, claim.name].into_iter().flatten().find(|text| !text.is_empty()).map(str::to_owned)
}

fn is_same(process: &Process, claim: Claim<'_>) -> bool {
    if claim.pid == SYSTEM_PID {
        // It runs as long as the machine.
        return true;
    }
    if claim.starts {
        return false;
    }
    let same_image = match (&process.image, image(claim)) {
        (Some(known), Some(claimed)) => file_name_or_path_matches(known, &claimed),
        _ => true,
    };
    let same_parent = match (process.parent_pid, claim.parent_pid) {
        (Some(known), Some(claimed)) => known == claimed,
        _ => true,
    };
    same_image && same_parent
}

/// Whether two images can be the same: paths compare whole, a bare name with the path's last component.
fn file_name_or_path_matches(one: &str, other: &str) -> bool {
    let file_name = |path: &str| path.rsplit('\\').next().unwrap_or_default().to_lowercase();
    if one.contains('\\') && other.contains('\\') {
        one.to_lowercase() == other.to_lowercase()
    } else {
        file_name(one) == file_name(other)
    }
}

/// Whether the process is the kernel's own. Such a process has no image file, so its "path" is a bare name.
fn is_kernel(claim: Claim<'_>) -> bool {
    if claim.pid == 0 || claim.pid == SYSTEM_PID {
        return true;
    }
    match image(claim) {
        Some(image) if image.contains('\\') => false,
        Some(name) => {
            let known = KERNEL_NAMES.iter().any(|kernel| kernel.eq_ignore_ascii_case(&name));
            // With a column for paths, what stands there without a folder and an extension is no file.
            known || (claim.image.is_some_and(|path| !path.is_empty()) && !name.contains('.'))
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(pid: u32, image: &'static str) -> Claim<'static> {
        Claim { pid, image: Some(image), name: None, parent_pid: Some(8), session: Some(1), starts: false }
    }

    #[test]
    fn the_same_image_is_the_same_process_whatever_its_case() {
        let mut processes = Processes::default();
        let first = processes.identify(claim(100, r"C:\WINDOWS\Explorer.EXE"));
        assert_eq!(processes.identify(claim(100, r"C:\Windows\explorer.exe")), first);
        assert_eq!(processes.identify(claim(100, "")), first, "not told");
    }

    #[test]
    fn another_image_parent_or_start_is_another_process() {
        let mut processes = Processes::default();
        let first = processes.identify(claim(100, r"C:\a.exe"));
        let second = processes.identify(claim(100, r"C:\b.exe"));
        let third = processes.identify(Claim { parent_pid: Some(9), ..claim(100, r"C:\b.exe") });
        let fourth =
            processes.identify(Claim { starts: true, parent_pid: Some(9), ..claim(100, r"C:\b.exe") });
        let again = processes.identify(claim(100, r"C:\a.exe"));
        assert_eq!([first, second, third, fourth, again], [0, 1, 2, 3, 4]);
        assert_eq!(processes.into_vec()[4].image.as_deref(), Some(r"C:\a.exe"));
    }

    #[test]
    fn system_is_always_the_same() {
        let mut processes = Processes::default();
        let first = processes.identify(claim(4, "System"));
        assert_eq!(processes.identify(Claim { starts: true, ..claim(4, r"C:\Windows\ntoskrnl.exe") }), first);
    }

    #[test]
    fn kernel_processes_have_no_path() {
        let kernel = |claim| is_kernel(claim);
        assert!(kernel(claim(4, "System")));
        assert!(kernel(claim(88, "Registry")));
        assert!(kernel(claim(1840, "MemCompression")));
        assert!(kernel(claim(99, "SomethingNew")), "a path column that holds no path");
        assert!(!kernel(claim(99, r"C:\Windows\Registry")));
        assert!(!kernel(claim(99, "tool.exe")), "its folder is not known");
        let named = |name| Claim { image: None, name: Some(name), ..claim(88, "") };
        assert!(kernel(named("Registry")) && !kernel(named("svchost.exe")) && !kernel(named("init")));
    }
}
