//! The driver, its consumer and what else there is once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ntsim::{Connection, Driver, LoadError, Process, Volume};

use super::lane::Lane;
use super::shared::{Issued, Phase, Shared, lock};
use super::step_failed;
use crate::scenario::model::{self, Faults, Manner, Torture};
use crate::simulate::scenario::specs::volume_spec;
use crate::torture::consumer::Reader;
use crate::torture::oracle::{Fault, Played, Printed, Session};

/// Name of the driver's service.
pub(super) const SERVICE: &str = "whowrote";

/// Its communication port.
const PORT: &str = r"\WhoWrotePort";

/// How often the driver is loaded again if an injected failure kept it from loading.
const LOADS: u32 = 200;

/// No two runs of the driver begin at the same time.
const BETWEEN_LOADS: Duration = Duration::from_millis(1);

/// The driver, the consumer and what else there is once.
pub(super) struct Host<'s> {
    pub(super) shared: &'s Shared,
    pub(super) image: &'s [u8],
    pub(super) torture: Torture,
    pub(super) reader: Reader,
    pub(super) consumer: Process,
    pub(super) printed: Arc<Mutex<String>>,
    pub(super) driver: Option<Driver>,
    pub(super) connection: Option<Connection>,
    pub(super) manner: Manner,
    pub(super) volumes: Vec<Volume>,
    pub(super) sessions: Vec<Session>,
}

impl Host<'_> {
    pub(super) fn add_volume(&mut self, volume: &model::Volume) -> Result<(), Fault> {
        let sim = &self.shared.sim;
        let added = sim.add_volume(volume_spec(volume)).map_err(|error| step_failed("volume", &error))?;
        self.volumes.push(added);
        self.begin_phase();
        Ok(())
    }

    /// The driver is there, or not, from now on.
    pub(super) fn begin_phase(&self) {
        let sim = &self.shared.sim;
        let attached =
            |volume: &Volume| self.driver.as_ref().is_some_and(|driver| sim.is_attached(driver, *volume));
        self.shared.begin(Phase {
            sessions: self.driver.is_some().then(|| self.sessions.len() - 1).into_iter().collect(),
            certain: true,
            attached: self.volumes.iter().map(attached).collect(),
        });
    }

    /// The driver comes or goes: whether it sees a write meanwhile is open.
    pub(super) fn begin_transition(&self, session: usize) {
        let attached = vec![true; self.volumes.len()];
        self.shared.begin(Phase { sessions: vec![session], certain: false, attached });
    }

    pub(super) fn load(&mut self) -> Result<(), Fault> {
        let sim = self.shared.sim.clone();
        let loads = if matches!(self.torture.faults, Faults::Drawn { .. }) { LOADS } else { 1 };
        for _ in 0..loads {
            sim.advance(BETWEEN_LOADS);
            self.begin_transition(self.sessions.len());
            let began = sim.time();
            lock(&self.printed).clear();
            let loaded = sim.load(self.image, SERVICE);
            self.sessions.push(Session { began: began..=sim.time(), printed: None });
            match loaded {
                Ok(driver) => {
                    self.driver = Some(driver);
                    break;
                }
                Err(LoadError::DriverEntry(_)) if self.torture.faults != Faults::None => self.close_session(),
                Err(error) => return Err(step_failed("load", &error)),
            }
        }
        self.begin_phase();
        Ok(())
    }

    /// The books that the driver printed; one that did not come up may have gone before it had any.
    pub(super) fn close_session(&mut self) {
        let printed = Printed::parse(&lock(&self.printed));
        if let Some(session) = self.sessions.last_mut() {
            session.printed = Some(printed.unwrap_or_default());
        }
    }

    pub(super) fn unload(&mut self) -> Result<(), Fault> {
        // With an injected failure it may not have been loaded.
        let Some(driver) = self.driver.take() else { return Ok(()) };
        let sim = self.shared.sim.clone();
        self.begin_transition(self.sessions.len() - 1);
        lock(&self.printed).clear();
        let leaks = sim.unload(&driver).map_err(|error| step_failed("unload", &error))?;
        self.connection = None;
        if let Some(session) = self.sessions.last_mut() {
            session.printed = Printed::parse(&lock(&self.printed));
        }
        self.begin_phase();
        match leaks.leaks.first() {
            Some(leak) => Err(Fault::new("leak", format!("the driver left behind {leak}"))),
            None => Ok(()),
        }
    }

    pub(super) fn connect(&mut self) -> Result<(), Fault> {
        if self.driver.is_none() || self.connection.as_ref().is_some_and(Connection::is_connected) {
            return Ok(());
        }
        let reader = self.reader.clone();
        let handler = Box::new(move |message: &[u8]| reader.take(message));
        match self.shared.sim.connect(PORT, self.consumer, &[], handler) {
            Ok(connection) => self.connection = Some(connection),
            Err(_) if self.torture.faults != Faults::None => {}
            Err(status) => return Err(step_failed("connect", &status)),
        }
        Ok(())
    }

    pub(super) fn disconnect(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.disconnect();
        }
    }

    pub(super) fn set_manner(&mut self, manner: Manner) {
        self.manner = manner;
        self.reader.set_manner(manner);
    }

    /// The writes of all lanes, with who may have recorded them.
    pub(super) fn played(&self, lanes: &mut [Lane<'_>]) -> Vec<Played> {
        let phases = lock(&self.shared.phases);
        let issued = lanes.iter_mut().flat_map(|lane| std::mem::take(&mut lane.issued));
        let played = |Issued { truth, from, to }: Issued| {
            let passed = &phases[from..=to];
            let may = passed.iter().filter(|phase| phase.attached.get(truth.volume) == Some(&true));
            let mut sessions: Vec<_> = may.flat_map(|phase| phase.sessions.iter().copied()).collect();
            sessions.sort_unstable();
            sessions.dedup();
            let certain = from == to && phases[from].certain && !sessions.is_empty() && !truth.optional;
            Played { truth, sessions, certain }
        };
        issued.map(played).collect()
    }

    /// With a consumer that takes everything and time to spare, nothing may wait for the unload to be delivered.
    pub(super) fn check_delivered(&self, played: &[Played]) -> Result<(), Fault> {
        let number = self.sessions.len() - 1;
        let Some(session) = self.sessions.last() else { return Ok(()) };
        if !self.connection.as_ref().is_some_and(Connection::is_connected) {
            return Ok(());
        }
        let must = played.iter().filter(|write| write.certain && write.sessions == [number]).count() as u64;
        let received = self.reader.count(session.began.clone());
        let lost = self.reader.lost(session.began.clone());
        if received + lost < must {
            let message = format!(
                "{must} writes were recorded, {received} came and {lost} are told as lost, although the consumer waits"
            );
            return Err(Fault::new("not delivered in time", message));
        }
        Ok(())
    }
}
