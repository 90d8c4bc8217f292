//! Kills a run at every place, and checks what the next run makes of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fastrand::Rng;

use super::place::Kill;
use super::run::{Ran, State, all};
use super::same::{Node, same_history, same_record, same_tree, same_units};
use super::tally::Tally;
use crate::engine::{Graph, Origin, Plan, Resource, ResourceId};
use crate::host::fake::FakeHost;

/// The invariants after every kill.
#[derive(Debug)]
pub struct Walk<'a, R> {
    /// The desired state.
    pub graph: &'a Graph<R>,
    /// Files that are created once: they never change, and a removal leaves them.
    pub secrets: &'a [&'a str],
    /// Files that may exist after one kill and not after another.
    pub loose: &'a [&'a str],
    /// Files whose content is derived from a secret, and so differs from host to host.
    pub derived: &'a [&'a str],
}

impl<R: Resource> Walk<'_, R> {
    /// Kills a run at every place, each time on a copy of a host that is in sync or not, and runs again after each
    /// kill. Returns the tally.
    ///
    /// # Errors
    ///
    /// The invariant that did not hold, and the kill.
    pub fn apply(&self, from: &State) -> Result<Tally, String> {
        let (like, ran) = self.unkilled(from, self.graph)?;
        for kill in all(&ran) {
            let mut state = self.killed(from, self.graph, kill)?;
            self.heals(&mut state, self.graph, &like)
                .and_then(|()| same_history(&state, &like))
                .map_err(|why| format!("killed at {kill:?}: {why}"))?;
        }
        Ok(Tally::of(&all(&ran)))
    }

    /// The same for the removal of everything, which is then completed or cancelled.
    ///
    /// # Errors
    ///
    /// As [`Walk::apply`].
    pub fn remove(&self, from: &State) -> Result<Tally, String> {
        let nothing = Graph::default();
        let (there, _) = self.unkilled(from, self.graph)?;
        let (gone, ran) = self.unkilled(&there, &nothing)?;
        for kill in all(&ran) {
            for (graph, like) in [(&nothing, &gone), (self.graph, &there)] {
                let mut state = self.killed(&there, &nothing, kill)?;
                // An image that its engine cannot remove stays and is no longer managed, which is reported.
                let mut entries = state.receipt()?.entries.into_iter();
                let ours = entries.any(|entry| entry.id.to_string().starts_with("image["));
                if !ours && state.host.engine != gone.host.engine {
                    continue;
                }
                self.heals(&mut state, graph, like)
                    .and_then(|()| same_record(&state, like, Some(&|id| self.wanted_again(id))))
                    .map_err(|why| format!("removal killed at {kill:?}: {why}"))?;
            }
        }
        Ok(Tally::of(&all(&ran)))
    }

    /// The same for a run that is killed, after which its resources become leftovers.
    ///
    /// # Errors
    ///
    /// As [`Walk::apply`].
    pub fn abandon(&self, from: &State) -> Result<Tally, String> {
        let nothing = Graph::default();
        let (there, ran) = self.unkilled(from, self.graph)?;
        let (gone, _) = self.unkilled(&there, &nothing)?;
        for kill in all(&ran) {
            let mut state = self.killed(from, self.graph, kill)?;
            self.heals(&mut state, &nothing, &gone)
                .and_then(|()| same_record(&state, &gone, None))
                .map_err(|why| format!("killed at {kill:?} and abandoned: {why}"))?;
        }
        Ok(Tally::of(&all(&ran)))
    }

    /// Kills a run and then the next one, at random places.
    ///
    /// # Errors
    ///
    /// As [`Walk::apply`].
    pub fn twice(&self, from: &State, times: usize, dice: &mut Rng) -> Result<Tally, String> {
        let (like, ran) = self.unkilled(from, self.graph)?;
        let places = all(&ran);
        let mut tally = Tally::default();
        for _ in 0..times {
            let Some(&first) = dice.choice(&places) else {
                break;
            };
            let state = self.killed(from, self.graph, first)?;
            let (_, rest) = self.unkilled(&state, self.graph)?;
            let Some(second) = dice.choice(all(&rest)) else {
                continue;
            };
            let mut state = self.killed(&state, self.graph, second)?;
            self.heals(&mut state, self.graph, &like)
                .and_then(|()| same_history(&state, &like))
                .map_err(|why| format!("killed at {first:?} and then at {second:?}: {why}"))?;
            tally.count(first);
            tally.count(second);
        }
        Ok(tally)
    }

    /// The wall clock jumps by that much at each write of a run. The run must still succeed, and leave the same host as
    /// without the jump. Returns the number of jumps.
    ///
    /// # Errors
    ///
    /// As [`Walk::apply`].
    pub fn jump(&self, from: &State, us: i64) -> Result<usize, String> {
        let (like, ran) = self.unkilled(from, self.graph)?;
        for at in 0..ran.writes {
            let mut state = from.clone();
            state.host.jumps_at = Some((state.host.writes + at, us));
            let ended = state.run(self.graph, None).ended;
            ended
                .and_then(|()| self.rests(&mut state, self.graph, &like))
                .and_then(|()| same_history(&state, &like))
                .map_err(|why| format!("the clock jumps by {us} us at write {at}: {why}"))?;
        }
        Ok(ran.writes)
    }

    /// The host after a run without a kill.
    fn unkilled(&self, from: &State, graph: &Graph<R>) -> Result<(State, Ran), String> {
        let mut state = from.clone();
        let ran = state.run(graph, None);
        match &ran.ended {
            Ok(()) => Ok((state, ran)),
            Err(why) => Err(format!("without a kill: {why}")),
        }
    }

    fn killed(&self, from: &State, graph: &Graph<R>, kill: Kill) -> Result<State, String> {
        let mut state = from.clone();
        match state.run(graph, Some(kill)).met(kill) {
            true => Ok(state),
            false => Err(format!("{kill:?} was never reached")),
        }
    }

    /// Runs again, and checks that the host equals one without a kill.
    fn heals(&self, state: &mut State, graph: &Graph<R>, like: &State) -> Result<(), String> {
        let secrets = self.secrets(&state.host);
        if let Err(why) = state.run(graph, None).ended {
            return Err(format!("the next run stops: {why}"));
        }
        let now = self.secrets(&state.host);
        if let Some(path) = secrets
            .keys()
            .find(|path| now.get(*path) != secrets.get(*path))
        {
            return Err(format!("{path} was replaced"));
        }
        self.rests(state, graph, like)
    }

    /// Checks that a host equals one on which every run succeeded, and stays so.
    ///
    /// # Errors
    ///
    /// The difference.
    pub fn rests(&self, state: &mut State, graph: &Graph<R>, like: &State) -> Result<(), String> {
        let before = state.clone();
        let ran = state.run(graph, None);
        if ran.ended.is_err() || (ran.writes, ran.records) != (0, 0) {
            let plan = before
                .receipt()
                .map(|receipt| Plan::make(graph, &receipt, &before.host));
            return Err(format!(
                "the second run does something: {ran:?}, as in {plan:?}"
            ));
        }
        same_tree(&self.shape(&state.host), &self.shape(&like.host))?;
        same_units(&state.host, &like.host)
    }

    /// A resource that was removed and is desired again has a new history. It starts from the remains of the removal: a
    /// secret is adopted, and a service whose unit still exists is changed, not created.
    fn wanted_again(&self, id: &ResourceId) -> Origin {
        let name = id.to_string();
        let mut left = self.secrets.iter().chain(self.loose);
        if left.any(|path| name.ends_with(&format!("[{path}]"))) {
            return Origin::Adopted;
        }
        Origin::Changed
    }

    /// The secrets of a host.
    pub fn secrets(&self, host: &FakeHost) -> BTreeMap<String, String> {
        let there = |path: &&str| Some(((*path).to_owned(), host.text(path)?));
        self.secrets.iter().filter_map(there).collect()
    }

    fn shape(&self, host: &FakeHost) -> BTreeMap<PathBuf, Node> {
        let mut shape = host.shape();
        let loose = self.secrets.iter().chain(self.loose);
        shape.retain(|path, _| loose.clone().all(|loose| path != Path::new(loose)));
        for path in self.derived {
            if let Some((_, bytes, ..)) = shape.get_mut(Path::new(path)) {
                bytes.clear();
            }
        }
        shape
    }
}
