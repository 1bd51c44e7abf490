//! What a key can mean, and where.

/// Where a binding holds. Several hold at once, the innermost first: on the event pane `Events`, then `List`, then `Global`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Everywhere, except while text is typed.
    Global,
    /// Wherever there are rows.
    List,
    /// The pipelines pane.
    Pipelines,
    /// The events pane.
    Events,
    /// The queues pane.
    Queues,
    /// The health pane and its drill-down.
    Health,
    /// The alerts.
    Alerts,
    /// One pipeline.
    Pipeline,
    /// One run.
    Run,
    /// One event.
    Event,
    /// One queue.
    Queue,
    /// Why something is as it is.
    Why,
    /// A JSON value as a tree.
    Tree,
    /// A pipeline that is being made.
    Create,
}

impl Scope {
    /// Every scope, in the order of help and documentation.
    pub const ALL: [Self; 14] = [
        Self::Global,
        Self::List,
        Self::Pipelines,
        Self::Events,
        Self::Queues,
        Self::Health,
        Self::Alerts,
        Self::Pipeline,
        Self::Run,
        Self::Event,
        Self::Queue,
        Self::Why,
        Self::Tree,
        Self::Create,
    ];

    /// What is seen there, in a sentence or two: help begins with it.
    pub fn about(self) -> &'static str {
        match self {
            Self::Global | Self::List => "",
            Self::Pipelines => {
                "Every pipeline: what its runs do now, how many records a second, what failed, when it ran last and is due next. \
                 What changes something asks first."
            }
            Self::Events => {
                "Every fact as it happens, newest at the end. Going up stops following, and what comes meanwhile is counted."
            }
            Self::Queues => {
                "Every queue: how many wait, how fast they come and go, when it will be empty if it goes on like this, and \
                 what failed for good."
            }
            Self::Health => "What was checked just now, with the evidence; what the process takes; how it went before.",
            Self::Alerts => {
                "What somebody should look at, the worst first, and what lately was so. A silence keeps webhooks quiet for a \
                 time; it hides nothing here."
            }
            Self::Pipeline => {
                "One pipeline: its graph with what is on every edge, its runs, when it is due, and every revision it ever had."
            }
            Self::Run => {
                "One run: its steps, what happened in which order, and the first real error with the record that did it."
            }
            Self::Event => "One event as it was written, with what caused it and what belongs together with it.",
            Self::Queue => {
                "One queue: what waits, who holds what until when, and dead letters with their errors. Looking takes nothing out."
            }
            Self::Why => {
                "Why it is so: the events that led to it, the newest cause first, then what will happen next and what can be done. \
                 The keys beside what can be done do it from here."
            }
            Self::Tree => "A value as a tree.",
            Self::Create => {
                "A new pipeline: write it in your editor, see every mistake, try it on real records, then activate it."
            }
        }
    }

    /// The name in the key file: `[keys.pipelines]`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::List => "list",
            Self::Pipelines => "pipelines",
            Self::Events => "events",
            Self::Queues => "queues",
            Self::Health => "health",
            Self::Alerts => "alerts",
            Self::Pipeline => "pipeline",
            Self::Run => "run",
            Self::Event => "event",
            Self::Queue => "queue",
            Self::Why => "why",
            Self::Tree => "tree",
            Self::Create => "create",
        }
    }
}

/// What a key can mean. The same action may be bound in several scopes; who has the focus decides what it is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    // Everywhere.
    Palette,
    Filter,
    Help,
    Back,
    Quit,
    Pane1,
    Pane2,
    Pane3,
    Pane4,
    FocusNext,
    FocusPrevious,
    Zoom,
    HistoryBack,
    HistoryForward,
    LastView,
    Travel,
    StepBack,
    StepForward,
    LeapBack,
    LeapForward,
    AsItWas,
    Why,
    Alerts,
    Messages,
    Theme,
    Redraw,
    Cancel,
    Suspend,
    // Rows.
    Up,
    Down,
    Top,
    Bottom,
    HalfUp,
    HalfDown,
    PageUp,
    PageDown,
    Left,
    Right,
    Open,
    Mark,
    MarkRange,
    MarkAll,
    Sort,
    SortReverse,
    CopyName,
    // Pipelines.
    Activate,
    PauseResume,
    RunNow,
    RunWith,
    CancelRuns,
    Archive,
    Restore,
    Create,
    ShowEvents,
    // Events.
    Follow,
    TimeRange,
    TimeFormat,
    FailureNext,
    FailurePrevious,
    CorrelationSame,
    CorrelationClear,
    ExcludeKind,
    Histogram,
    // Queues.
    Purge,
    Redrive,
    // Alerts.
    Silence,
    Unsilence,
    // One pipeline.
    Revise,
    Rollback,
    SetCheckpoint,
    Diff,
    TabNext,
    TabPrevious,
    DeadLetters,
    // One run.
    CancelRun,
    RetryRun,
    GoPipeline,
    LogLevel,
    Wrap,
    // One event.
    EventNext,
    EventPrevious,
    // A tree.
    Fold,
    FoldAll,
    CopyValue,
    CopyPath,
    Raw,
    HitNext,
    HitPrevious,
    // Dead letters and messages.
    SendMessage,
    EditMessage,
    Replay,
    Discard,
    // Making a pipeline.
    Edit,
    Check,
    DryRun,
    Save,
}
