//! The objects of processes, volumes, files, remote clients and losses.

use std::net::IpAddr;

use serde::Serialize;

use super::key;
use super::text::{Digits, Time};
use crate::model::{Client, File, Loss, Process, Volume};

/// Names of the file systems that volumes have (`FLT_FILESYSTEM_TYPE`).
const FILE_SYSTEMS: [(u32, &str); 14] = [
    (1, "raw"),
    (2, "ntfs"),
    (3, "fat"),
    (4, "cdfs"),
    (5, "udfs"),
    (6, "lanman"),
    (7, "webdav"),
    (8, "rdpdr"),
    (9, "nfs"),
    (13, "mup"),
    (22, "exfat"),
    (27, "csvfs"),
    (28, "refs"),
    (30, "cimfs"),
];

#[derive(Serialize)]
pub(super) struct ProcessLine<'a> {
    kind: &'static str,
    key: Digits,
    pid: Option<u32>,
    image: Option<&'a str>,
    kernel: bool,
    created: Time,
    parent_key: Option<Digits>,
    parent_pid: Option<u32>,
    session: Option<u32>,
    user_sid: Option<&'a str>,
    truncated: bool,
}

#[derive(Serialize)]
pub(super) struct VolumeLine<'a> {
    kind: &'static str,
    key: Digits,
    device: Option<&'a str>,
    guid: Option<&'a str>,
    drive: Option<&'a str>,
    file_system: Option<&'static str>,
    file_system_type: u32,
}

#[derive(Serialize)]
pub(super) struct FileLine<'a> {
    kind: &'static str,
    key: Digits,
    volume_key: Option<Digits>,
    path: Option<&'a str>,
    name: &'static str,
    truncated: bool,
}

#[derive(Serialize)]
pub(super) struct ClientLine<'a> {
    kind: &'static str,
    key: Digits,
    address: Option<IpAddr>,
    share: Option<&'a str>,
    met: Time,
    truncated: bool,
}

#[derive(Serialize)]
pub(super) struct LossLine<'a> {
    kind: &'static str,
    time: Time,
    reason: &'a str,
    count: u64,
    total: u64,
}

impl<'a> ProcessLine<'a> {
    pub(super) fn new(process: &'a Process) -> Self {
        let Process {
            key: own,
            pid,
            image,
            kernel,
            created,
            parent_key,
            parent_pid,
            session,
            user,
            truncated,
        } = process;
        Self {
            kind: "process",
            key: Digits(*own),
            pid: *pid,
            image: image.as_deref(),
            kernel: *kernel,
            created: Time(*created),
            parent_key: key(*parent_key),
            parent_pid: *parent_pid,
            session: *session,
            user_sid: user.as_deref(),
            truncated: *truncated,
        }
    }
}

impl<'a> VolumeLine<'a> {
    pub(super) fn new(volume: &'a Volume) -> Self {
        let Volume { key, device, guid, drive, file_system } = volume;
        let name = FILE_SYSTEMS.iter().find(|(number, _)| number == file_system).map(|(_, name)| *name);
        Self {
            kind: "volume",
            key: Digits(*key),
            device: device.as_deref(),
            guid: guid.as_deref(),
            drive: drive.as_deref(),
            file_system: name,
            file_system_type: *file_system,
        }
    }
}

impl<'a> FileLine<'a> {
    pub(super) fn new(file: &'a File) -> Self {
        let File { key: own, volume_key, path, opened_name, truncated } = file;
        Self {
            kind: "file",
            key: Digits(*own),
            volume_key: key(*volume_key),
            path: path.as_deref(),
            name: if *opened_name { "opened" } else { "normalized" },
            truncated: *truncated,
        }
    }
}

impl<'a> ClientLine<'a> {
    pub(super) fn new(client: &'a Client) -> Self {
        let Client { key, address, share, met, truncated } = client;
        Self {
            kind: "client",
            key: Digits(*key),
            address: *address,
            share: share.as_deref(),
            met: Time(*met),
            truncated: *truncated,
        }
    }
}

impl<'a> LossLine<'a> {
    pub(super) fn new(loss: &'a Loss) -> Self {
        let Loss { time, reason, count, total } = loss;
        Self { kind: "loss", time: Time(*time), reason, count: *count, total: *total }
    }
}
