//! `whowrote control`: changes the driver's parameters while it runs.

#[cfg(windows)]
mod port;

use audit::parameters::{Audit, Defect, Message, Parameter, REG_DWORD, REG_MULTI_SZ, Raw, Refusal, check};

use crate::args::{Audited, Control};
use crate::consumer::names::Drives;
use crate::failure::Failure;

/// What a connection's context may hold: it travels as an extended attribute, of at most 64 KiB with its name and all.
const MAX_MESSAGE: usize = 60_000;

/// Hands the driver what the arguments ask for.
///
/// # Errors
///
/// A value that is none, or no driver to connect to.
#[cfg(windows)]
pub fn run(arguments: &Control) -> Result<(), Failure> {
    port::send(&message(arguments, &crate::watch::drives())?)
}

/// There is no driver here; what the arguments ask for is checked all the same.
///
/// # Errors
///
/// A value that is none, or else that there is no driver.
#[cfg(not(windows))]
pub fn run(arguments: &Control) -> Result<(), Failure> {
    message(arguments, &Drives::default())?;
    let message = "`control` changes the driver of a running Windows, and this is none";
    Err(Failure::Unusable(message.to_owned()))
}

/// The message that asks for it. Every value is checked here as the driver would.
fn message(arguments: &Control, drives: &Drives) -> Result<Vec<u8>, Failure> {
    let mut message: Vec<u8> = Message::head(arguments.reload).collect();
    let mut set = |parameter: Parameter, kind, data: &[u8], texts: &[String]| {
        let raw = Raw { kind, data };
        check(parameter, raw).map_err(|refusal| refused(parameter, refusal, texts))?;
        message.extend(Message::setting(parameter, raw));
        Ok::<_, Failure>(())
    };
    if !arguments.audit.is_empty() {
        let bits = arguments.audit.iter().fold(Audit::empty(), |bits, audited| bits | audited.bits());
        set(Parameter::Audit, REG_DWORD, &bits.bits().to_le_bytes(), &[])?;
    }
    let rules = [
        (Parameter::ExcludeImages, &arguments.exclude_image, arguments.exclude_no_image),
        (Parameter::ExcludePaths, &arguments.exclude_path, arguments.exclude_no_path),
    ];
    for (parameter, rules, none) in rules {
        // On the wire it would end the list.
        if rules.iter().any(String::is_empty) {
            return Err(refused(parameter, Refusal::of(Defect::EmptyText, 0), &[]));
        }
        if !rules.is_empty() || none {
            let texts: Vec<String> = rules.iter().map(|rule| drives.nt_path(rule)).collect();
            let units = texts.iter().flat_map(|text| text.encode_utf16().chain([0])).chain([0]);
            let data: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
            set(parameter, REG_MULTI_SZ, &data, &texts)?;
        }
    }
    if message.len() > MAX_MESSAGE {
        let help = "put the rules into the registry and run `whowrote control --reload`";
        return Err(Failure::Unusable(format!("these rules are too long for a message\n  help: {help}")));
    }
    Ok(message)
}

fn refused(parameter: Parameter, refusal: Refusal, texts: &[String]) -> Failure {
    let Refusal { defect, text, found } = refusal;
    let text = usize::try_from(text).ok().and_then(|index| texts.get(index));
    let which = text.map_or(String::new(), |text| format!(" «{text}»"));
    let at = || {
        text.and_then(|text| text.encode_utf16().nth(usize::try_from(found).ok()?))
            .map_or_else(String::new, |unit| format!(" «{}»", String::from_utf16_lossy(&[unit])))
    };
    let why = match defect {
        Defect::NotAPath => "is no path: it does not begin with a backslash".to_owned(),
        Defect::Character => format!("has the character{} that no rule has (there are no wildcards)", at()),
        Defect::Component => "has two backslashes in a row, or a name . or ..".to_owned(),
        Defect::Everything => "would leave everything out".to_owned(),
        Defect::TooLong => format!("is too long: {found} characters"),
        Defect::TooManyTexts => format!("has too many rules: {found} are allowed"),
        Defect::EmptyText => "has an empty rule".to_owned(),
        other => format!("is refused: {other} ({found})"),
    };
    Failure::Unusable(format!("{parameter}{which} {why}"))
}

impl Audited {
    fn bits(self) -> Audit {
        match self {
            Self::Nothing => Audit::empty(),
            Self::Writes => Audit::WRITES,
            Self::MappedWrites => Audit::MAPPED,
            Self::Changes => Audit::CHANGES,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Arguments, Command};

    fn asked(arguments: &[&str]) -> Result<Vec<u8>, String> {
        let command = ["whowrote", "control"].iter().chain(arguments);
        let parsed = Arguments::try_parse_from(command).map_err(|error| error.to_string())?;
        let Command::Control(control) = parsed.command else { panic!("another command") };
        let drives = Drives::new(vec![(r"\Device\HarddiskVolume3".to_owned(), "C:".to_owned())]);
        message(&control, &drives).map_err(|failure| failure.to_string())
    }

    #[test]
    fn the_message_has_what_was_asked_for_and_nothing_else() {
        let rule = [
            r"--exclude-path",
            r"c:\Logs",
            "--exclude-image",
            "a.exe",
            "--audit",
            "writes,changes",
            "--reload",
        ];
        let bytes = asked(&rule).expect("all of it is good");
        let message = Message::parse(&bytes).expect("it is one");
        assert!(message.reload);
        let settings: Vec<_> = message.settings().map(|(_, parameter, raw)| (parameter, raw.data)).collect();
        let multi = |text: &str| -> Vec<u8> {
            format!("{text}\0\0").encode_utf16().flat_map(u16::to_le_bytes).collect()
        };
        let (image, path) = (multi("a.exe"), multi(r"\Device\HarddiskVolume3\Logs"));
        let expected: [(_, &[u8]); 3] = [
            (Some(Parameter::Audit), &[5, 0, 0, 0]),
            (Some(Parameter::ExcludeImages), &image),
            (Some(Parameter::ExcludePaths), &path),
        ];
        assert_eq!(settings, expected);
        let nothing = asked(&["--exclude-no-image", "--audit", "nothing"]).expect("that can be asked for");
        assert_eq!(Message::parse(&nothing).expect("it is one").settings().count(), 2);
    }

    #[test]
    fn what_the_driver_would_refuse_is_refused_here_in_words() {
        for (arguments, words) in [
            (&["--exclude-path", r"\a\*.log"][..], "ExcludePaths «\\a\\*.log» has the character «*»"),
            (&["--exclude-path", "a.log"], "no path"),
            (&["--exclude-path", r"D:\a"], "character «:»"),
            (&["--exclude-path", r"\\server\share"], "two backslashes"),
            (&["--exclude-image", r"\"], "everything"),
            (&["--exclude-image", ""], "empty rule"),
            (&[], "required"),
            (&["--exclude-image", "a", "--exclude-no-image"], "cannot be used with"),
        ] {
            let refusal = asked(arguments).expect_err("a refusal");
            assert!(refusal.contains(words), "{refusal}");
        }
        let long = format!(r"\{}", "a".repeat(1000));
        let many: Vec<&str> = (0..40).flat_map(|_| ["--exclude-path", long.as_str()]).collect();
        assert!(asked(&many).expect_err("a refusal").contains("--reload"));
    }
}
