//! One thread's share of a campaign against a live server: it keeps connections in the states, fires shots from them and counts.

use std::collections::HashMap;
use std::hash::RandomState;
use std::time::Duration;

use super::flight::{Echo, End, Manner, Recording, fly};
use super::memory::Memory;
use super::post::{Link, Post};
use super::shot::{Ids, Route, Shot, steps};
use crate::fuzz::arena::Arena;
use crate::fuzz::coverage::{Place, Status};
use crate::fuzz::novelty::{self, LINES};
use crate::fuzz::oracle;
use crate::fuzz::summary::Summary;
use crate::fuzz::survey::Survey;
use crate::fuzz::trial::{Tries, Try};
use crate::pack::parameter::Span;
use crate::runner::{ServerTarget, Stop, Tide};
use crate::suite::{Bound, assess};
use crate::verdict::Finding;

/// Shots that share one sign of life.
const BATCH: usize = 512;
/// Shots after which others are looked after: a connection that stood by, and one that is new.
const ROUND: usize = 4096;
/// Shots with fences that are on their way at a time.
const FENCED_DEPTH: usize = 16;
/// Batches that are fenced after one that could not be told apart.
const FENCED: u32 = 4;
/// Closes within a batch after which shots get connections of their own, and how many shots.
const CLOSES: usize = 4;
const DIRECT: u32 = 256;
/// How long the end of a connection that was closed is waited for.
const GOODBYE: u32 = 5;
/// How long a shot after which nothing can be asked is watched.
const LAST_WORD: Duration = Duration::from_secs(1);

/// What workers are made from: a target, what is known of its states, and the tries.
pub struct Stock<'a> {
    pub(in crate::fuzz) bound: &'a Bound,
    pub(in crate::fuzz) tries: &'a Tries,
    pub(in crate::fuzz) survey: &'a Survey,
    pub(in crate::fuzz) arena: &'a dyn Arena,
    pub(in crate::fuzz) stop: Stop,
    /// How many shots may be on their way at a time.
    pub(in crate::fuzz) depth: usize,
}

/// What only tries of their own can settle.
#[derive(Debug, Default)]
pub(in crate::fuzz) struct Left {
    /// Numbers of tries that were not told.
    pub(in crate::fuzz) alone: Vec<u64>,
    /// Numbers of tries that were told and counted, and may yet have harmed others.
    pub(in crate::fuzz) again: Vec<u64>,
    /// Tries with findings.
    pub(in crate::fuzz) suspects: Vec<Suspect>,
    /// Tries after which, one after another on one connection, the server gave no sign of life.
    pub(in crate::fuzz) rows: Vec<Vec<u64>>,
}

/// A try whose part of a shared conversation breaks something.
#[derive(Debug)]
pub(in crate::fuzz) struct Suspect {
    pub(in crate::fuzz) number: u64,
    pub(in crate::fuzz) reaction: String,
    pub(in crate::fuzz) findings: Vec<Finding>,
    key: (u64, u64),
}

/// How often one reaction was seen in one place, and in which lines of tries.
#[derive(Debug, Default)]
struct Counter {
    count: u64,
    lines: [u64; (LINES / 64) as usize],
}

/// Fires shots at a server, on connections of its own.
pub struct Worker<'a> {
    stock: &'a Stock<'a>,
    posts: Vec<Option<Post>>,
    links: Vec<Option<Link>>,
    canary: Option<Link>,
    memory: Memory,
    hashes: RandomState,
    fresh: Ids,
    seed: u64,
    recording: Recording,
    is_counting: bool,
    places: Vec<Place>,
    counts: HashMap<(usize, u32), Counter>,
    /// Tries with a reaction that is new in their line.
    new: Vec<(u64, usize, u32)>,
    patience: Duration,
}

impl std::fmt::Debug for Stock<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Stock").field("depth", &self.depth).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Worker<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Worker").field("seed", &self.seed).finish_non_exhaustive()
    }
}

impl<'a> Worker<'a> {
    /// A worker whose ids are not those of another seed.
    pub fn new(stock: &'a Stock<'a>, seed: u64) -> Self {
        let states = stock.survey.front.fields.iter();
        let posts: Vec<_> = states.map(|field| Post::new(stock.bound, &field.state)).collect();
        let patience = stock.bound.settings.bound(&Span("reply_time".to_owned())).end();
        Self {
            links: posts.iter().map(|_| None).collect(),
            posts,
            canary: None,
            memory: Memory::default(),
            hashes: RandomState::new(),
            fresh: Ids::new(seed),
            seed,
            recording: Recording::default(),
            is_counting: true,
            places: Vec::new(),
            counts: HashMap::new(),
            new: Vec::new(),
            patience: patience.max(Duration::from_secs(1)),
            stock,
        }
    }

    /// The try as bytes, if it can be sent that way.
    pub fn shot(&mut self, one: &Try) -> Option<Shot> {
        let (survey, ground) = (self.stock.survey, self.stock.survey.grounds.get(one.state)?);
        self.posts.get(one.state)?.as_ref()?;
        let state = survey.front.fields.get(one.state)?.state.name.clone();
        let place = Place { side: one.side, state, frame: one.frame().to_owned(), class: one.class() };
        let place = self.places.iter().rposition(|known| *known == place).unwrap_or_else(|| {
            self.places.push(place);
            self.places.len() - 1
        });
        let can_share = ground.is_ready && survey.is_repeatable();
        Shot::new(self.stock.bound, one, can_share, place, &self.hashes)
    }

    /// Fires shots and counts what came of them. What it could not tell, it gives back.
    pub(in crate::fuzz) fn fire(&mut self, shots: &[Shot]) -> Left {
        let mut left = Left::default();
        for state in 0..self.posts.len() {
            for route in [Route::Shared, Route::Own] {
                let group: Vec<&Shot> = shots.iter().filter(|shot| shot.state == state && shot.route == route).collect();
                for round in group.chunks(ROUND) {
                    for batch in round.chunks(BATCH) {
                        if self.stock.stop.is_stopped() {
                            return left;
                        }
                        match route {
                            Route::Shared => self.share(state, batch, &mut left),
                            Route::Own => batch.iter().for_each(|shot| self.alone(shot, &mut left)),
                        }
                    }
                    self.look_after(state, round, &mut left);
                }
            }
        }
        left
    }

    /// Fires shots, for measuring; gives how many were told here, without a try of their own.
    pub fn volley(&mut self, shots: &[Shot]) -> usize {
        let left = self.fire(shots);
        shots.len() - left.alone.len() - left.suspects.len() - left.rows.iter().map(Vec::len).sum::<usize>()
    }

    /// Moves what was counted into a summary.
    pub fn drain(&mut self, summary: &mut Summary) {
        for ((place, reaction), counter) in &mut self.counts {
            let count = std::mem::take(&mut counter.count);
            if count > 0 {
                summary.tries += count;
                summary.coverage.count_many(self.places[*place].clone(), &Status::Hit, self.memory.words(*reaction), count);
            }
        }
        for (number, place, reaction) in self.new.drain(..) {
            let Place { side, state, .. } = &self.places[place];
            summary.novelty.see(number, *side, state, self.memory.words(reaction));
        }
    }

    /// A try of its own has shown that nothing is wrong with this.
    pub(in crate::fuzz) fn acquit(&mut self, suspect: &Suspect, reaction: &str) {
        self.memory.learn(suspect.key.0, suspect.key.1, reaction);
    }

    /// True if the run is to end.
    pub(in crate::fuzz) fn is_stopped(&self) -> bool {
        self.stock.stop.is_stopped()
    }

    fn share(&mut self, state: usize, shots: &[&Shot], left: &mut Left) {
        let mut rest = shots;
        let mut closes = 0;
        while !rest.is_empty() && !self.stock.stop.is_stopped() {
            let Some(mut post) = self.posts[state].take() else { return };
            let done = self.batch(state, &mut post, rest, &mut closes, left);
            self.posts[state] = Some(post);
            rest = &rest[done.min(rest.len())..];
        }
    }

    /// Fires one batch; gives how many of its shots are done with.
    fn batch(&mut self, state: usize, post: &mut Post, shots: &[&Shot], closes: &mut usize, left: &mut Left) -> usize {
        if post.direct > 0 {
            let count = shots.len().min(post.direct as usize);
            post.direct -= u32::try_from(count).unwrap_or(post.direct);
            for shot in &shots[..count] {
                self.single(post, shot, left);
            }
            return count;
        }
        let Some(mut link) = self.links[state].take().filter(Link::is_fresh).or_else(|| self.link(post)) else {
            left.alone.extend(shots.iter().map(|shot| shot.number));
            return shots.len();
        };
        let is_fenced = post.fenced > 0;
        let depth = if is_fenced { self.stock.depth.min(FENCED_DEPTH) } else { self.stock.depth };
        let manner = Manner { depth, is_fenced, confirms: false, patience: self.patience };
        let mut recording = std::mem::take(&mut self.recording);
        let end = fly(&mut link.channel, shots, manner, &mut self.fresh, &self.hashes, &mut recording);
        let done = match end {
            End::Told if link.prove(post) => {
                post.fenced = post.fenced.saturating_sub(1);
                if post.fenced > 0 && recording.echoes.iter().all(|echo| echo.frames.len() == 1) {
                    post.fenced = 0;
                }
                self.judge_all(post, &link, shots, &recording, left);
                self.links[state] = Some(link);
                shots.len()
            }
            End::Stopped => shots.len(),
            // It may be that an answer came late, or twice: only fences can tell.
            End::Told | End::Confused | End::Over if !is_fenced => {
                post.fenced = FENCED;
                0
            }
            End::Told => {
                self.search(post, shots, false, left);
                shots.len()
            }
            End::Confused => {
                for shot in shots {
                    self.single(post, shot, left);
                }
                shots.len()
            }
            End::Over | End::Silent | End::Flooded => {
                let told = recording.echoes.len() - usize::from(end == End::Over && !recording.echoes.is_empty());
                self.judge_unproved(post, &shots[..told], &recording, left);
                if let Some(shot) = shots.get(told) {
                    if end == End::Over { self.single(post, shot, left) } else { left.alone.push(shot.number) }
                }
                *closes += 1;
                if *closes > CLOSES {
                    (post.direct, *closes) = (DIRECT, 0);
                }
                told + 1
            }
        };
        self.recording = recording;
        done
    }

    fn count(&mut self, shot: &Shot, reaction: u32) {
        if !self.is_counting {
            return;
        }
        let counter = self.counts.entry((shot.place, reaction)).or_default();
        counter.count += 1;
        let line = novelty::line(shot.number);
        let (word, bit) = ((line / 64) as usize, 1 << (line % 64));
        if counter.lines[word] & bit == 0 {
            counter.lines[word] |= bit;
            self.new.push((shot.number, shot.place, reaction));
        }
    }

    /// A connection that has given a sign of life in this state.
    fn link(&mut self, post: &Post) -> Option<Link> {
        self.dial(|bound, server, stop, seed| post.link(bound, server, stop, seed))
    }

    fn dial(&mut self, open: impl FnOnce(&Bound, &ServerTarget, &Stop, u64) -> Option<Link>) -> Option<Link> {
        self.seed = self.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let (server, _) = self.stock.arena.server()?;
        open(self.stock.bound, &server, &self.stock.stop, self.seed)
    }

    fn judge_all(&mut self, post: &Post, link: &Link, shots: &[&Shot], recording: &Recording, left: &mut Left) {
        for (shot, echo) in shots.iter().zip(&recording.echoes) {
            match self.memory.recall(shot.key, echo.hash) {
                Some(reaction) => self.count(shot, reaction),
                None => self.judge(post, link, shot, recording, echo, left),
            }
        }
    }

    /// Shots before one that ended the connection: what is known of them counts, and no sign of life came after the others.
    fn judge_unproved(&mut self, post: &Post, shots: &[&Shot], recording: &Recording, left: &mut Left) {
        let echoes: Vec<_> = shots.iter().zip(&recording.echoes).map(|(shot, echo)| (*shot, echo.hash)).collect();
        for (shot, hash) in echoes {
            match self.memory.recall(shot.key, hash) {
                Some(reaction) => self.count(shot, reaction),
                None => self.single(post, shot, left),
            }
        }
    }

    fn judge(&mut self, post: &Post, link: &Link, shot: &Shot, recording: &Recording, echo: &Echo, left: &mut Left) {
        let Some(one) = self.stock.tries.get(shot.number) else { return };
        let Some(steps) = steps(&one) else { return };
        let (case, transcript) = post.slice(link, shot, &steps, recording, echo);
        let sighting = oracle::judge(self.stock.bound, &case, &assess(self.stock.bound, &case, transcript));
        if sighting.unreached.is_some() {
            left.alone.push(shot.number);
        } else if sighting.findings.is_empty() {
            let reaction = self.memory.learn(shot.key, echo.hash, &sighting.reaction);
            self.count(shot, reaction);
        } else {
            let key = (shot.key, echo.hash);
            left.suspects.push(Suspect { number: shot.number, reaction: sighting.reaction, findings: sighting.findings, key });
        }
    }

    fn alone(&mut self, shot: &Shot, left: &mut Left) {
        if let Some(post) = self.posts[shot.state].take() {
            self.single(&post, shot, left);
            self.posts[shot.state] = Some(post);
        }
    }

    /// Fires a shot on a connection of its own.
    fn single(&mut self, post: &Post, shot: &Shot, left: &mut Left) {
        let Some(mut link) = self.dial(|bound, server, stop, seed| post.single(bound, server, stop, seed)) else {
            return left.alone.push(shot.number);
        };
        let patience = if shot.is_over { LAST_WORD } else { self.patience };
        let manner = Manner { depth: 1, is_fenced: true, confirms: true, patience };
        let mut recording = std::mem::take(&mut self.recording);
        let end = fly(&mut link.channel, &[shot], manner, &mut self.fresh, &self.hashes, &mut recording);
        let is_told = matches!(end, End::Told | End::Over) && recording.is_confirmed;
        match recording.echoes.first().filter(|_| is_told) {
            Some(echo) => match self.memory.recall(shot.key, echo.hash) {
                Some(reaction) => self.count(shot, reaction),
                // Whether silence is an answer, only a good request after it can show.
                None if echo.frames.is_empty() && end == End::Told && shot.route == Route::Shared => left.alone.push(shot.number),
                None => self.judge(post, &link, shot, &recording, echo, left),
            },
            None => left.alone.push(shot.number),
        }
        if end == End::Told {
            goodbye(&mut link);
        }
        self.recording = recording;
    }

    /// Looks whether others were served all the while, and searches for what harmed them if not.
    fn look_after(&mut self, state: usize, shots: &[&Shot], left: &mut Left) {
        if !self.stock.stop.is_stopped()
            && !self.is_well(state)
            && let Some(post) = self.posts[state].take()
        {
            self.search(&post, shots, true, left);
            self.posts[state] = Some(post);
        }
    }

    /// True if a connection that stood by heard nothing and is served, and a new one is.
    fn is_well(&mut self, state: usize) -> bool {
        let connected = self.stock.survey.front.fields.iter().position(|field| field.state.name == "connected");
        let Some(at) = connected else { return true };
        let Some(post) = self.posts[at].take() else { return true };
        let probes = self.stock.survey.grounds.get(state).map(|ground| ground.probes).unwrap_or_default();
        let mut is_well = true;
        if probes.canary {
            if let Some(mut canary) = self.canary.take() {
                is_well &= is_quiet(&mut canary) && canary.prove(&post);
                self.canary = Some(canary).filter(|canary| is_well && canary.is_fresh() && self.stock.survey.is_repeatable());
            }
            if self.canary.is_none() {
                self.canary = self.dial(|bound, server, stop, seed| post.stand(bound, server, stop, seed));
            }
        }
        if probes.fresh {
            match self.link(&post) {
                Some(mut link) => goodbye(&mut link),
                None => is_well = false,
            }
        }
        self.posts[at] = Some(post);
        is_well
    }

    /// Which of these shots does it: each half on a new connection, down to few.
    fn search(&mut self, post: &Post, shots: &[&Shot], are_counted: bool, left: &mut Left) {
        const FEW: usize = 4;
        if shots.len() <= FEW {
            let numbers = shots.iter().map(|shot| shot.number);
            if are_counted {
                left.again.extend(numbers);
            } else {
                left.alone.extend(numbers);
            }
            return;
        }
        let (front, back) = shots.split_at(shots.len() / 2);
        let mut is_found = false;
        for half in [front, back] {
            if !self.stock.stop.is_stopped() && !self.is_harmless(post, half, are_counted, left) {
                is_found = true;
                self.search(post, half, are_counted, left);
            }
        }
        if !is_found {
            left.rows.push(shots.iter().map(|shot| shot.number).collect());
        }
    }

    fn is_harmless(&mut self, post: &Post, shots: &[&Shot], are_counted: bool, left: &mut Left) -> bool {
        let state = shots.first().map_or(0, |shot| shot.state);
        if shots.iter().any(|shot| shot.route == Route::Own) {
            // They were counted when they were first fired.
            self.is_counting = false;
            for shot in shots {
                self.single(post, shot, &mut Left::default());
            }
            self.is_counting = true;
            return self.is_well(state);
        }
        let Some(mut link) = self.link(post) else { return false };
        let manner = Manner { depth: self.stock.depth.min(FENCED_DEPTH), is_fenced: true, confirms: false, patience: self.patience };
        let mut recording = std::mem::take(&mut self.recording);
        let end = fly(&mut link.channel, shots, manner, &mut self.fresh, &self.hashes, &mut recording);
        let is_harmless = end == End::Told && link.prove(post) && self.is_well(state);
        if is_harmless && !are_counted {
            self.judge_all(post, &link, shots, &recording, left);
        }
        self.recording = recording;
        is_harmless
    }
}

/// True if nothing but pings has come since the last sign of life.
fn is_quiet(link: &mut Link) -> bool {
    if link.channel.peek() == Tide::Finished {
        return false;
    }
    while let Ok(Some(piece)) = link.channel.take_frame() {
        if piece.opcode() != 9 {
            return false;
        }
    }
    true
}

/// Closes a connection, and lets the server end it first.
fn goodbye(link: &mut Link) {
    const CLOSE: [u8; 8] = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];
    let mut patience = GOODBYE;
    if link.channel.write(&CLOSE).is_err() {
        return;
    }
    while patience > 0 {
        match link.channel.read() {
            Tide::Bytes => while let Ok(Some(_)) = link.channel.take_frame() {},
            Tide::Nothing => patience -= 1,
            Tide::Finished | Tide::Reset | Tide::Flood => return,
        }
    }
}
