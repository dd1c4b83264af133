//! The objects of parameters and of what they leave out.

use serde::Serialize;

use super::text::Time;
use crate::model::{Omission, Parameter, RefusedValue};

#[derive(Serialize)]
pub(super) struct OmissionLine<'a> {
    kind: &'static str,
    time: Time,
    because: &'a str,
    count: u64,
    total: u64,
}

#[derive(Serialize)]
pub(super) struct ParameterLine<'a> {
    kind: &'static str,
    name: &'a str,
    since: Time,
    source: &'a str,
    value: u32,
    refused: Option<RefusedObject<'a>>,
}

#[derive(Serialize)]
struct RefusedObject<'a> {
    source: &'a str,
    reason: &'a str,
    text_index: u32,
    text: Option<&'a str>,
    found: u64,
}

impl<'a> OmissionLine<'a> {
    pub(super) fn new(omission: &'a Omission) -> Self {
        let Omission { time, because, count, total } = omission;
        Self { kind: "omission", time: Time(*time), because, count: *count, total: *total }
    }
}

impl<'a> ParameterLine<'a> {
    pub(super) fn new(parameter: &'a Parameter) -> Self {
        let Parameter { name, since, source, value, refused } = parameter;
        let refused = refused.as_ref().map(|RefusedValue { source, reason, text_index, text, found }| {
            RefusedObject { source, reason, text_index: *text_index, text: text.as_deref(), found: *found }
        });
        Self { kind: "parameter", name, since: Time(*since), source, value: *value, refused }
    }
}
