//! What is to be done in a batch, and who does what next.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::chunk::{Chunk, Draft};
use super::credential::BatchItem;
use super::maker::Maker;
use super::turns::Turns;

/// Credentials that a thread makes in one go: enough that waiting for each other costs nothing.
pub(super) const CHUNK: usize = 64;

/// The chunks at each step.
pub(super) struct Board<M: Maker, T> {
    state: Mutex<State<M, T>>,
    changed: Condvar,
}

/// What a thread does next.
pub(super) enum Task<M: Maker, T> {
    Draft(Chunk<BatchItem, T>),
    /// So many sign now, this thread among them.
    Sign(Chunk<Draft<M::Unsigned>, T>, usize),
    Complete(Chunk<Draft<M::Signed>, T>),
}

struct State<M: Maker, T> {
    items: VecDeque<Chunk<BatchItem, T>>,
    drafts: VecDeque<Chunk<Draft<M::Unsigned>, T>>,
    signed: VecDeque<Chunk<Draft<M::Signed>, T>>,
    /// Threads that sign, and those that do something else.
    signing: usize,
    working: usize,
    /// No more items come.
    closed: bool,
    /// Nobody wants what is left.
    stopped: bool,
    cores: usize,
    /// None where the threads sign by themselves.
    turns: Option<Turns>,
}

impl<M: Maker, T> Board<M, T> {
    pub(super) fn new(cores: NonZeroUsize, turns: Option<Turns>) -> Self {
        let state = State {
            items: VecDeque::new(),
            drafts: VecDeque::new(),
            signed: VecDeque::new(),
            signing: 0,
            working: 0,
            closed: false,
            stopped: false,
            cores: cores.get(),
            turns,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(super) fn add(&self, chunk: Chunk<BatchItem, T>) {
        let mut state = self.lock();
        state.items.push_back(chunk);
        if state.has_more() {
            self.changed.notify_one();
        }
    }

    /// How many items make a chunk now.
    pub(super) fn chunk(&self) -> usize {
        self.lock().turns.as_ref().map_or(CHUNK, Turns::turn)
    }

    /// No more chunks come.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Nobody wants what is left.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Waits for something to do; none when there will be nothing any more.
    pub(super) fn take(&self) -> Option<Task<M, T>> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.is_done() {
                self.changed.notify_all();
                return None;
            }
            if let Some(task) = state.next() {
                if state.has_more() {
                    self.changed.notify_one();
                }
                return Some(task);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn drafted(&self, chunk: Chunk<Draft<M::Unsigned>, T>) {
        self.lock().drafts.push_back(chunk);
    }

    /// One after the other they took so long; when they were begun, so many signed.
    pub(super) fn signed(&self, chunk: Chunk<Draft<M::Signed>, T>, under_way: usize, took: Duration) {
        let mut state = self.lock();
        if let Some(turns) = &mut state.turns {
            turns.signed(under_way, chunk.items.len(), took);
        }
        state.signed.push_back(chunk);
    }

    /// A thread has ended its task, or broken it off.
    pub(super) fn ended(&self, signing: bool) {
        let mut state = self.lock();
        if signing {
            state.signing -= 1;
        } else {
            state.working -= 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<M, T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Maker, T> State<M, T> {
    /// A token is not kept waiting while there is work for it: signing comes first, then what it will sign next.
    fn next(&mut self) -> Option<Task<M, T>> {
        if self.may_sign()
            && let Some(task) = self.sign()
        {
            return Some(task);
        }
        if self.has_core() {
            let runs_dry = self.turns.is_some() && self.drafts.is_empty();
            let task = if runs_dry {
                self.draft().or_else(|| self.completion())
            } else {
                self.completion().or_else(|| self.draft())
            };
            if task.is_some() {
                return task;
            }
        }
        let waits = self.items.is_empty() && self.signed.is_empty() && !self.drafts.is_empty();
        if waits && self.turns.as_mut().is_some_and(Turns::waiting) { self.sign() } else { None }
    }

    /// Whether there is something to do for one thread more.
    fn has_more(&self) -> bool {
        let without_token = !self.items.is_empty() || !self.signed.is_empty();
        (self.may_sign() && !self.drafts.is_empty()) || (self.has_core() && without_token)
    }

    fn draft(&mut self) -> Option<Task<M, T>> {
        let chunk = self.items.pop_front()?;
        self.working += 1;
        Some(Task::Draft(chunk))
    }

    fn sign(&mut self) -> Option<Task<M, T>> {
        let chunk = self.drafts.pop_front()?;
        self.signing += 1;
        Some(Task::Sign(chunk, self.signing))
    }

    fn completion(&mut self) -> Option<Task<M, T>> {
        let chunk = self.signed.pop_front()?;
        self.working += 1;
        Some(Task::Complete(chunk))
    }

    fn may_sign(&self) -> bool {
        match &self.turns {
            None => true,
            Some(turns) if turns.at_once() == 1 => self.signing == 0 && self.has_core(),
            Some(turns) => self.signing < turns.at_once(),
        }
    }

    /// Whether a core is free. One call of a token at a time is taken to be work on a core, as it is where the token is a
    /// program here.
    fn has_core(&self) -> bool {
        match &self.turns {
            None => true,
            Some(turns) if turns.at_once() == 1 => self.working + self.signing < self.cores,
            Some(_) => self.working < self.cores,
        }
    }

    fn is_done(&self) -> bool {
        let nothing_left = self.items.is_empty() && self.drafts.is_empty() && self.signed.is_empty();
        self.closed && nothing_left && self.signing + self.working == 0
    }
}
