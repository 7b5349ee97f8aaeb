"""The search itself: asks Optuna for trials, has them trained, and tells it how they ended."""

import errno
import os
import time
from dataclasses import dataclass, fields

from filelock import FileLock, Timeout
from optuna.trial import FrozenTrial, Trial, TrialState

from photochrom.errors import ConfigError
from photochrom.lab.executors import POLL_SECONDS, Executor, ProgressCallback, TrainingJob, TrainingOutcome
from photochrom.lab.search._plan import SearchPlan
from photochrom.lab.search._rules import get_pruner, get_sampler
from photochrom.lab.search._storage import open_study, storage_faults
from photochrom.lab.training import Epoch

FAILURE = "failure"
"""The attribute of a failed trial that says why."""

_ID = "photochrom"
"""The attribute of a study that says in which folder it lies."""

_ATTEMPTS = 3
"""How often one process starts a trial whose training is killed, before the trial counts as failed."""

_LOCK_SECONDS = 120
_FAULTS_OF_THE_MACHINE = tuple(map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)))
_EPOCH_FIGURES = {field.name for field in fields(Epoch)}


@dataclass
class _Attempt:
    """A trial that this process works on.

    Attributes:
        trial: Optuna's side of it.
        job: Its training.
        claim: A lock that ends with this process; a running trial whose lock is free belongs to nobody.
        reported: The last epoch that Optuna knows.
        is_undecided: Whether a process may have died between the report of that epoch and the decision.
        starts: How often its training was started here.
    """

    trial: Trial
    job: TrainingJob
    claim: FileLock
    reported: int
    is_undecided: bool
    starts: int = 0

    def is_pruned(self, figure: str) -> bool:
        """Report the epochs since the last call; says whether one of them was the last that is wanted."""
        if self.is_undecided and self.trial.should_prune():
            return True
        self.is_undecided = False
        for row in self.job.folder.history()[self.reported :]:
            self.trial.report(getattr(row, figure), row.epoch)
            self.reported = row.epoch
            if self.trial.should_prune():
                return True
        return False


class Search:
    """A search that several processes may work on, and that goes on whenever it was interrupted.

    Optuna's storage knows the trials; the folder of a trial holds its training. A trial is claimed by a lock in its
    folder. The lock of a process that dies is free at once, and the next process goes on with the trial.

    Args:
        plan: What is searched.

    Raises:
        ConfigError: The plan is wrong, another search lies in its folder, or the storage cannot be reached.
    """

    def __init__(self, plan: SearchPlan) -> None:
        plan.check()
        self.plan = plan
        self._lock = FileLock(plan.folder / ".lock", timeout=_LOCK_SECONDS)
        self._attempts: dict[str, _Attempt] = {}
        plan.folder.mkdir(parents=True, exist_ok=True)
        with self._lock:
            own = plan.claim()
            sampler = get_sampler(plan.sampler, plan.space, plan.seed)
            self.study = open_study(plan.name, plan.url, plan.direction, sampler, get_pruner(plan.pruner))
            with storage_faults(plan.url):
                found = self.study.user_attrs.get(_ID)
                if found is None:
                    self.study.set_user_attr(_ID, own)
        if found not in (None, own):
            raise ConfigError(
                f"{plan.name}: the storage holds a search of that name whose trainings lie in another folder; "
                "use that folder, or name this search with --name"
            )

    def trials(self) -> list[FrozenTrial]:
        """All trials so far, by number."""
        with storage_faults(self.plan.url):
            return self.study.get_trials(deepcopy=False)

    def run(self, executor: Executor, on_progress: ProgressCallback | None = None) -> None:
        """Work on trials until there are as many as planned.

        Trials that other processes work on are left to them.

        Args:
            executor: What trains.
            on_progress: Called a few times a second with the running trainings and those that ended here.

        Raises:
            ConfigError: The storage fails or the disk is full. Nothing is lost: the next call goes on.
        """
        outcomes: list[TrainingOutcome] = []
        with executor:
            while True:
                while len(self._attempts) < executor.slots and (attempt := self._next()) is not None:
                    self._attempts[attempt.job.name] = attempt
                    self._start(attempt, executor)
                if not self._attempts:
                    return
                outcomes += [outcome for outcome in executor.ended() if self._is_over(outcome, executor)]
                self._prune(executor, outcomes)
                if on_progress is not None:
                    on_progress([attempt.job for attempt in self._attempts.values()], outcomes)
                time.sleep(POLL_SECONDS)

    def _next(self) -> _Attempt | None:
        """A trial that was left by a dead process, or else a new one; None if all are done or at work."""
        with self._lock, storage_faults(self.plan.url):
            for frozen in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
                claim = self._claim(frozen.number)
                if claim is not None:
                    return self._attempt(Trial(self.study, frozen._trial_id), claim, frozen.last_step or 0)
            if len(self.study.get_trials(deepcopy=False)) >= self.plan.trials:
                return None
            trial = self.study.ask()
            claim = self._claim(trial.number)
            if claim is None:
                raise ConfigError(f"{self.plan.folder}: another process works on trial {trial.number}")
            return self._attempt(trial, claim, 0)

    def _claim(self, number: int) -> FileLock | None:
        folder = self.plan.folder / f"trial-{number:04d}"
        if f"{self.plan.name}/{folder.name}" in self._attempts:
            return None
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".trial.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None
        return lock

    def _attempt(self, trial: Trial, claim: FileLock, reported: int) -> _Attempt:
        job = self.plan.job(trial.number, self.plan.space.suggested(trial))
        return _Attempt(trial, job, claim, reported, is_undecided=reported > 0)

    def _start(self, attempt: _Attempt, executor: Executor) -> None:
        attempt.starts += 1
        executor.start(attempt.job)

    def _prune(self, executor: Executor, outcomes: list[TrainingOutcome]) -> None:
        """Report what is new and give up the trials that the rule gives up."""
        if self.plan.objective not in _EPOCH_FIGURES:
            return
        for attempt in list(self._attempts.values()):
            with storage_faults(self.plan.url):
                is_pruned = attempt.is_pruned(self.plan.objective)
            if is_pruned:
                executor.stop(attempt.job)
                self._tell(attempt, TrialState.PRUNED)
                outcomes.append(TrainingOutcome(attempt.job))

    def _is_over(self, outcome: TrainingOutcome, executor: Executor) -> bool:
        """Tell Optuna how a training ended; False if it is started once more instead."""
        attempt = self._attempts[outcome.job.name]
        if any(fault in outcome.error for fault in _FAULTS_OF_THE_MACHINE):
            raise ConfigError(f"{outcome.error}; when that is mended, the same command goes on")
        if outcome.has_died and attempt.starts < _ATTEMPTS:
            self._start(attempt, executor)
            return False
        if outcome.error:
            with storage_faults(self.plan.url):
                attempt.trial.set_user_attr(FAILURE, outcome.error)
            self._tell(attempt, TrialState.FAIL)
            return True
        with storage_faults(self.plan.url):
            is_pruned = self.plan.objective in _EPOCH_FIGURES and attempt.is_pruned(self.plan.objective)
        if is_pruned:  # the training was faster than the rule
            self._tell(attempt, TrialState.PRUNED)
        else:
            self._tell(attempt, TrialState.COMPLETE, getattr(attempt.job.folder.metrics(), self.plan.objective))
        return True

    def _tell(self, attempt: _Attempt, state: TrialState, value: float | None = None) -> None:
        with storage_faults(self.plan.url):
            self.study.tell(attempt.trial, value, state=state)
        attempt.claim.release()
        del self._attempts[attempt.job.name]
