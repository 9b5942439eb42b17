//! From figures to an answer: what is safe, what limits it, what would move the limit, and how many people that carries. Pure: it measures nothing,
//! reads nothing and prints nothing.

use passwords::Argon2Params;

/// What was measured on this machine. Rates are per second.
#[derive(Debug, Clone)]
pub(super) struct Figures {
    pub(super) cores: usize,
    /// Threads that hash.
    pub(super) hash_threads: usize,
    pub(super) params: Argon2Params,
    /// Hashes by all those threads, with nothing else running.
    pub(super) hashes: f64,
    /// Hashes by one thread alone.
    pub(super) hashes_of_one_thread: f64,
    /// What other parameters would give.
    pub(super) other_params: Vec<(Argon2Params, f64)>,
    /// Signatures on one core, per algorithm.
    pub(super) signatures: Vec<(&'static str, f64)>,
    /// How long the disk takes to keep a page.
    pub(super) sync_p50_ms: f64,
    /// One durable commit after the other, and how long one takes.
    pub(super) commits_alone: f64,
    pub(super) commit_p50_ms: f64,
    pub(super) commit_p99_ms: f64,
    /// Durable commands that share commits.
    pub(super) commits_shared: f64,
    /// Requests to a handler that does nothing.
    pub(super) empty: f64,
    /// Whole sign-ins at full load, and how long the form's answer took then.
    pub(super) sign_ins: f64,
    /// Tokens by client_credentials.
    pub(super) tokens: f64,
    /// Introspections of known tokens.
    pub(super) checks: f64,
}

/// How people use what they sign in to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Assumptions {
    /// How often one person signs in with a password in a month.
    pub(super) sign_ins_per_month: f64,
    /// Tokens issued per sign-in: the first, and those refreshed until the next.
    pub(super) tokens_per_sign_in: f64,
    /// How often resource servers ask about them.
    pub(super) checks_per_sign_in: f64,
    /// The share of a day's use that falls in its busiest hour.
    pub(super) busiest_hour: f64,
    /// How much busier than that hour's mean its busiest moments are.
    pub(super) burst: f64,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            sign_ins_per_month: 8.0,
            tokens_per_sign_in: 20.0,
            checks_per_sign_in: 200.0,
            busiest_hour: 0.15,
            burst: 3.0,
        }
    }
}

/// So much of what was measured is safe: waits grow without bound towards all of it, and something else will run here some day.
pub(super) const SAFE: f64 = 0.65;
/// Durable commits of one sign-in.
pub(super) const COMMITS_PER_SIGN_IN: f64 = 3.0;
/// A limit that is met to so much of it is what stops the rest.
const MET: f64 = 0.7;
const DAYS: f64 = 30.0;
const HOUR: f64 = 3_600.0;

/// What stops something from being faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bottleneck {
    /// Hashing passwords.
    Hashing,
    /// Making signatures.
    Signing,
    /// Waiting for the disk.
    Disk,
    /// The processor, with everything else that a request costs.
    Processor,
}

impl Bottleneck {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Hashing => "hashing",
            Self::Signing => "signing",
            Self::Disk => "disk",
            Self::Processor => "processor",
        }
    }
}

/// The answer.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    /// Per second, with nothing else going on.
    pub(super) safe_sign_ins: f64,
    pub(super) safe_tokens: f64,
    pub(super) safe_checks: f64,
    pub(super) sign_in_bottleneck: Bottleneck,
    pub(super) token_bottleneck: Bottleneck,
    /// All of it together, as people use it.
    pub(super) monthly_users: u64,
    /// Which share of the machine their sign-ins take then.
    pub(super) share_of_sign_ins: f64,
    /// Whether the figures agree with each other; they do not where something else used the machine meanwhile.
    pub(super) steady: bool,
    /// What would move the limit, in sentences.
    pub(super) moves: Vec<String>,
}

/// Judges.
pub(super) fn judge(figures: &Figures, assumed: &Assumptions) -> Verdict {
    let sign_in_bottleneck = sign_in_bottleneck(figures);
    let token_bottleneck = token_bottleneck(figures);
    let (monthly_users, share_of_sign_ins) = monthly_users(figures, assumed);
    Verdict {
        safe_sign_ins: figures.sign_ins * SAFE,
        safe_tokens: figures.tokens * SAFE,
        safe_checks: figures.checks * SAFE,
        sign_in_bottleneck,
        token_bottleneck,
        monthly_users,
        share_of_sign_ins,
        steady: is_steady(figures),
        moves: moves(figures, sign_in_bottleneck, token_bottleneck),
    }
}

/// No sign-in without a hash; and two threads hash more than one does, if not twice as much.
fn is_steady(figures: &Figures) -> bool {
    let alone = if figures.hash_threads > 1 { figures.hashes_of_one_thread } else { 0.0 };
    figures.sign_ins <= figures.hashes * 1.05 && alone <= figures.hashes * 1.05
}

/// The limit that is lowest, if sign-ins come near it; where they come near none, many things take a share of the processor.
fn sign_in_bottleneck(figures: &Figures) -> Bottleneck {
    let disk = figures.commits_shared / COMMITS_PER_SIGN_IN;
    let (limit, which) =
        if disk < figures.hashes { (disk, Bottleneck::Disk) } else { (figures.hashes, Bottleneck::Hashing) };
    if figures.sign_ins >= limit * MET { which } else { Bottleneck::Processor }
}

/// A token of a client's own is not stored: it costs a signature and a request.
fn token_bottleneck(figures: &Figures) -> Bottleneck {
    let signing = figures.signing() * cores(figures);
    if figures.tokens >= signing * 0.5 { Bottleneck::Signing } else { Bottleneck::Processor }
}

/// Everything happens on the same machine: each kind of use takes its share of it, and together they may take what is safe.
fn monthly_users(figures: &Figures, assumed: &Assumptions) -> (u64, f64) {
    // What a person does in the busiest moment of a second, on average.
    let sign_ins = assumed.sign_ins_per_month / DAYS * assumed.busiest_hour / HOUR * assumed.burst;
    // Tokens of people are stored: they are no faster than the disk.
    let token = figures.tokens.min(figures.commits_shared);
    let share = |per_sign_in: f64, capacity: f64| sign_ins * per_sign_in / capacity.max(f64::MIN_POSITIVE);
    let of_sign_ins = share(1.0, figures.sign_ins);
    let all = of_sign_ins
        + share(assumed.tokens_per_sign_in, token)
        + share(assumed.checks_per_sign_in, figures.checks);
    if !all.is_finite() || all <= 0.0 {
        return (0, 0.0);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of people, positive"
    )]
    let users = (SAFE / all) as u64;
    (rounded(users), of_sign_ins / all)
}

/// To two digits: more would claim to know better.
fn rounded(users: u64) -> u64 {
    let step = 10_u64.pow(users.checked_ilog10().unwrap_or_default().saturating_sub(1));
    users / step * step
}

fn moves(figures: &Figures, sign_in: Bottleneck, token: Bottleneck) -> Vec<String> {
    let mut moves = match sign_in {
        Bottleneck::Hashing => of_hashing(figures),
        Bottleneck::Disk => of_the_disk(figures),
        Bottleneck::Signing | Bottleneck::Processor => vec![format!(
            "Sign-ins reach {:.0}% of what hashing alone would allow, and no other limit: other programs, or too few cores for the server beside its \
             hashing. Measure again while nothing else runs.",
            100.0 * figures.sign_ins / figures.hashes.max(f64::MIN_POSITIVE)
        )],
    };
    if sign_in != Bottleneck::Disk && figures.commit_p50_ms > SLOW_COMMIT_MS {
        moves.push(format!(
            "A commit takes {:.1} ms: each sign-in waits for {COMMITS_PER_SIGN_IN:.0} of them. A disk that syncs sooner would make people wait less.",
            figures.commit_p50_ms
        ));
    }
    if token == Bottleneck::Signing {
        moves.push(of_signing(figures));
    } else {
        moves.push(
            "Tokens of machines and token checks are limited by the processor: more cores, or a second node."
                .to_owned(),
        );
    }
    moves
}

/// A commit that people begin to notice.
const SLOW_COMMIT_MS: f64 = 5.0;

fn of_hashing(figures: &Figures) -> Vec<String> {
    let mut moves = Vec::new();
    if figures.hash_threads < figures.cores {
        let all = figures.hashes * cores(figures) / threads(figures);
        moves.push(format!(
            "passwords.threads is {} of {} cores: with all of them about {all:.0} hashes per second.",
            figures.hash_threads, figures.cores
        ));
    }
    let faster = figures
        .other_params
        .iter()
        .filter(|(params, rate)| *rate > figures.hashes * 1.05 && params.meets_owasp_minimum());
    let fastest = faster.max_by(|(_, one), (_, other)| one.total_cmp(other));
    if let Some((params, rate)) = fastest {
        moves.push(format!(
            "passwords.memory and passwords.iterations: {params} is what OWASP recommends at least, and gives {rate:.0} hashes per second instead of \
             {:.0}.",
            figures.hashes
        ));
    } else {
        moves.push(format!(
            "The parameters {} are among the cheapest that OWASP recommends: none that is as safe is faster here.",
            figures.params
        ));
    }
    let scaling = figures.hashes / (figures.hashes_of_one_thread * threads(figures)).max(f64::MIN_POSITIVE);
    let cores = if figures.hash_threads > 1 && scaling < 0.8 {
        format!(
            "More cores: each hashes only {:.0}% as fast as one alone, because they share the memory's bandwidth; cores with caches and memory of their own count.",
            scaling * 100.0
        )
    } else {
        "More cores: twice as many sign in twice as many people.".to_owned()
    };
    moves.push(cores);
    moves.push(
        "passwords.workers: other machines that run `doorward worker` and verify passwords for this one."
            .to_owned(),
    );
    moves
}

fn of_signing(figures: &Figures) -> String {
    let fastest = figures.signatures.iter().all(|(_, rate)| *rate <= figures.signing());
    let advice = if fastest {
        "No other algorithm signs faster here: more cores, a second node, or tokens that live longer."
    } else {
        "Clients that can verify a faster algorithm should have it."
    };
    format!("Tokens of machines cost their signature ({}, on one core). {advice}", signatures(figures))
}

fn of_the_disk(figures: &Figures) -> Vec<String> {
    vec![format!(
        "The disk: a commit takes {:.1} ms (p99 {:.1} ms), {:.0} durable commands per second when they share commits. A local SSD with power-loss \
         protection takes tenths of a millisecond; a network disk is rarely below two.",
        figures.commit_p50_ms, figures.commit_p99_ms, figures.commits_shared
    )]
}

fn signatures(figures: &Figures) -> String {
    let each: Vec<_> = figures.signatures.iter().map(|(name, rate)| format!("{name} {rate:.0}/s")).collect();
    each.join(", ")
}

impl Figures {
    /// Of the algorithm that access tokens have unless told otherwise.
    fn signing(&self) -> f64 {
        self.signatures.first().map_or(f64::INFINITY, |(_, rate)| *rate)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a handful")]
fn cores(figures: &Figures) -> f64 {
    figures.cores as f64
}

#[expect(clippy::cast_precision_loss, reason = "a handful")]
fn threads(figures: &Figures) -> f64 {
    figures.hash_threads.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        let cheap = Argon2Params { memory_kib: 12_288, iterations: 3, parallelism: 1 };
        let weak = Argon2Params { memory_kib: 8_192, iterations: 1, parallelism: 1 };
        Figures {
            cores: 2,
            hash_threads: 2,
            params: Argon2Params::default(),
            hashes: 120.0,
            hashes_of_one_thread: 62.0,
            other_params: vec![(cheap, 110.0), (weak, 600.0)],
            signatures: vec![("EdDSA", 60_000.0), ("RS256", 2_700.0)],
            sync_p50_ms: 0.1,
            commits_alone: 5_000.0,
            commit_p50_ms: 0.2,
            commit_p99_ms: 1.0,
            commits_shared: 90_000.0,
            empty: 120_000.0,
            sign_ins: 110.0,
            tokens: 40_000.0,
            checks: 55_000.0,
        }
    }

    fn judged(change: impl FnOnce(&mut Figures)) -> Verdict {
        let mut figures = figures();
        change(&mut figures);
        judge(&figures, &Assumptions::default())
    }

    #[test]
    fn the_bottleneck_is_the_lowest_limit_that_is_met() {
        type Case = (fn(&mut Figures), Bottleneck);
        let cases: [Case; 4] = [
            (|_| {}, Bottleneck::Hashing),
            (|slow| (slow.commits_shared, slow.sign_ins) = (150.0, 45.0), Bottleneck::Disk),
            (|busy| busy.sign_ins = 40.0, Bottleneck::Processor),
            // A slow disk that sign-ins do not meet either.
            (|busy| (busy.commits_shared, busy.sign_ins) = (300.0, 40.0), Bottleneck::Processor),
        ];
        for (change, bottleneck) in cases {
            assert_eq!(judged(change).sign_in_bottleneck, bottleneck);
        }
        assert_eq!(judged(|_| {}).token_bottleneck, Bottleneck::Processor);
        assert_eq!(
            judged(|rsa| rsa.signatures = vec![("RS256", 2_700.0)]).token_bottleneck,
            Bottleneck::Signing
        );
    }

    #[test]
    fn what_would_move_it_is_named_with_its_setting() {
        let said = |change: fn(&mut Figures)| judged(change).moves.join("\n");
        assert!(!said(|_| {}).contains("m=8192"), "weaker than what is recommended is never suggested");
        assert!(said(|_| {}).contains("none that is as safe is faster"));
        assert!(said(|strong| strong.hashes = 60.0).contains("m=12288,t=3,p=1"));
        assert!(
            said(|few| (few.hash_threads, few.cores) = (2, 8)).contains("passwords.threads is 2 of 8 cores")
        );
        assert!(said(|narrow| narrow.hashes_of_one_thread = 110.0).contains("only 55% as fast"));
        assert!(said(|busy| busy.tokens = 90_000.0).contains("No other algorithm signs faster"));
        assert!(said(|rsa| rsa.signatures.reverse()).contains("a faster algorithm"));
        assert!(said(|slow| slow.commit_p50_ms = 8.0).contains("A commit takes 8.0 ms"));
        assert!(said(|slow| (slow.commits_shared, slow.sign_ins) = (150.0, 45.0)).starts_with("The disk"));
    }

    #[test]
    fn figures_that_contradict_each_other_are_noticed() {
        assert!(judged(|_| {}).steady);
        assert!(!judged(|busy| busy.sign_ins = 140.0).steady);
        assert!(!judged(|busy| busy.hashes_of_one_thread = 140.0).steady);
        assert!(judged(|one| (one.hash_threads, one.hashes_of_one_thread) = (1, 140.0)).steady);
    }

    #[test]
    fn monthly_users_share_one_machine() {
        let usual = judged(|_| {});
        // 8 sign-ins a month: 8 / 30 * 0.15 / 3600 * 3 in a second; each takes 1/110 + 20/40,000 + 200/55,000 of the machine.
        let expected =
            0.65 / (8.0 / 30.0 * 0.15 / 3_600.0 * 3.0 * (1.0 / 110.0 + 20.0 / 40_000.0 + 200.0 / 55_000.0));
        let users = usual.monthly_users as f64;
        assert!(users <= expected && users > expected * 0.9, "{users} of {expected}");
        assert!(usual.share_of_sign_ins > 0.5 && usual.share_of_sign_ins < 1.0);
        // A disk that holds few tokens carries fewer people.
        assert!(judged(|slow| slow.commits_shared = 1_000.0).monthly_users < usual.monthly_users);
        assert_eq!(judged(|dead| dead.sign_ins = 0.0).monthly_users, 0);
        assert_eq!([0, 9, 99, 1_234_567].map(rounded), [0, 9, 99, 1_200_000]);
    }

    #[test]
    fn faster_is_never_judged_worse() {
        let usual = judged(|_| {});
        let faster: [fn(&mut Figures); 4] =
            [|f| f.sign_ins *= 1.5, |f| f.tokens *= 1.5, |f| f.checks *= 1.5, |f| f.commits_shared *= 1.5];
        for change in faster {
            let other = judged(change);
            assert!(other.monthly_users >= usual.monthly_users);
            assert!(other.safe_sign_ins >= usual.safe_sign_ins && other.safe_tokens >= usual.safe_tokens);
        }
    }
}
