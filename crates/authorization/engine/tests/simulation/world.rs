//! The history of the primary, and the tasks' turns.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bailiwick_authorization_engine::{Epoch, Row};

use crate::model::{Dice, State};

/// Virtual time that passes with every step.
pub(crate) const STEP: Duration = Duration::from_millis(10);
pub(crate) const BOUND: Duration = Duration::from_secs(2);
pub(crate) const STEPS: usize = 6_000;

/// A moment of the primary's history.
pub(crate) struct Moment {
    pub(crate) epoch: Epoch,
    pub(crate) state: State,
    pub(crate) from: usize,
    /// The step at which the next moment began.
    pub(crate) until: Option<usize>,
}

pub(crate) struct World {
    pub(crate) dice: Dice,
    pub(crate) step: usize,
    pub(crate) history: Vec<Moment>,
    /// Rows of the present epoch in the order of their commits.
    pub(crate) log: Vec<Row>,
    pub(crate) epochs: u32,
    /// The moment from which on the history has no restore in it.
    pub(crate) line: usize,
    /// Restores that kept their epoch.
    pub(crate) unnoticed: usize,
}

pub(crate) type Shared = Arc<Mutex<World>>;

impl World {
    pub(crate) fn now(&self) -> &Moment {
        self.history.last().unwrap()
    }
    pub(crate) fn index(&self) -> usize {
        self.history.len() - 1
    }
    pub(crate) fn push(&mut self, epoch: Epoch, state: State) {
        let step = self.step;
        if let Some(last) = self.history.last_mut() {
            last.until = Some(step);
        }
        self.history.push(Moment {
            epoch,
            state,
            from: step,
            until: None,
        });
    }
    pub(crate) fn commit(&mut self) {
        let mut state = self.now().state.clone();
        let rows = state.change(&mut self.dice);
        self.log.extend(rows);
        let epoch = Arc::clone(&self.now().epoch);
        self.push(epoch, state);
    }
    /// The database is set back to an earlier moment of its history. A new epoch begins there; or it does
    /// not: a file was copied back, and nobody has told.
    pub(crate) fn restore(&mut self) {
        let to = self.line + self.dice.below(self.history.len() - self.line);
        let state = self.history[to].state.clone();
        let mut epoch = Arc::clone(&self.now().epoch);
        if self.dice.below(2) == 0 {
            self.unnoticed += 1;
        } else {
            self.epochs += 1;
            epoch = format!("epoch-{}", self.epochs).into();
        }
        self.log
            .retain(|row| row.revision <= state.revision_of(&row.root));
        self.push(epoch, state);
        self.line = self.index();
    }
}

/// Lets other tasks run for a random number of turns.
pub(crate) struct Turns(usize);

impl Future for Turns {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        Poll::Pending
    }
}

pub(crate) fn turns(world: &Shared, most: usize) -> Turns {
    Turns(world.lock().unwrap().dice.below(most))
}
