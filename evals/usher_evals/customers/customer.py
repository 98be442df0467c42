"""A scripted customer: knows what is wanted, answers questions, reads the structured confirmation, loses patience."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from usher_evals.agents import Answer
from usher_evals.customers.answers import for_change, for_purchase
from usher_evals.customers.moves import Counts, Decide, Ending, Leave, Move, Speak
from usher_evals.customers.phrasing import Phrasing
from usher_evals.customers.reading import Ask, read
from usher_evals.customers.words import Knowledge, Words
from usher_evals.grading.telling import says
from usher_evals.tasks.goals import Buy, Goal, Say
from usher_evals.tasks.model import Rule, Task
from usher_evals.world import Show

# a button that has come too late
_GONE = frozenset({"confirmation_expired", "confirmation_superseded", "confirmation_decided"})


@dataclass
class Customer:
    """`start` gives the first message, `react` what follows an answer, until it leaves."""

    task: Task
    voice: Phrasing
    knows: Knowledge
    by_endpoint: bool = False
    approved: list[dict[str, Any]] = field(default_factory=list)
    _goals: list[Goal] = field(init=False)
    _rule: Rule = field(init=False)
    _at: int = 0
    _told: set[str] = field(default_factory=set)
    _seen: set[str] = field(default_factory=set)
    _counts: Counts = field(default_factory=Counts)
    _words: Words = field(init=False)
    _heard: list[str] = field(default_factory=list)
    _turns: int = 0
    _leaving: Ending | None = None
    _minded: bool = False
    _goal_done: bool = False
    _dearer: bool = False

    def __post_init__(self) -> None:
        self._goals = list(self.task.goals)
        self._rule = self.task.rule
        self._words = Words(self.task, self.voice, self.knows)

    @property
    def goal(self) -> Goal:
        """What is wanted now."""
        return self._goals[self._at]

    def hear_of_price(self, show: Show) -> None:
        """The show costs something else from now on; the customer learns it from the next confirmation."""
        goal = self.goal
        if isinstance(goal, Buy):
            self._goals[self._at] = Buy(show, goal.quantity, goal.pick, goal.section, None, goal.opens_with)
            self._dearer = True

    def start(self) -> str:
        self._turns += 1
        text = self._open(self.goal)
        if self.task.at_once:
            for other in self._goals[1:]:
                text = self._words.add(text, other)
        return text

    def react(self, answer: Answer) -> Move:
        self._turns += 1
        self._heard.append(answer.reply)
        if answer.failed in _GONE:
            return Speak(self._say("later", goal=self._restated()))
        if answer.failed is not None:
            return Leave("broken")
        if self._leaving is not None:
            return Leave(self._leaving)
        confirmation = answer.confirmation
        again = confirmation is not None and str(confirmation["id"]) in self._seen
        if self.approved and self._done_by(answer):
            self._goal_done = True
        if confirmation is not None and not again:
            return self._judge(confirmation)
        if self._goal_done:
            return self._next_goal(answer)
        if self._turns > self.task.patience:
            return Leave("impatient")
        if confirmation is not None and again:
            return self._insist(str(confirmation["id"]))
        if isinstance(self.goal, Say):
            return self._after_answer(self.goal, answer)
        return self._towards(self.goal, answer)

    # confirmations

    def _judge(self, confirmation: Mapping[str, Any]) -> Move:
        id, total = str(confirmation["id"]), round(float(confirmation["total"]) * 100)
        self._seen.add(id)
        self._turn_to(str(confirmation["action"]), total)
        goal = self.goal
        if self._rule.first == "think":
            self._leaving = "satisfied"
            return Speak(self._say("think"))
        if self._rule.first == "no":
            self._leaving = "satisfied"
            return self._reject(id, "no.confirm")
        if self._rule.first == "mind" and not self._minded:
            self._minded = True
            return self._change_mind(id)
        if confirmation["action"] == goal.action and total in goal.totals():
            if self._dearer and self._rule.at_new_price == "no":
                self._leaving = "satisfied"
                return self._reject(id, "no.dearer")
            self.approved.append(dict(confirmation))
            key = "yes.confirm" if isinstance(goal, Buy) else "yes.change"
            return Decide(id, True, self._say(key))
        self._counts.corrected += 1
        if self._counts.corrected > 2 or isinstance(goal, Say):
            self._leaving = "gave up"
            return self._reject(id, "no.confirm")
        return Speak(f"{self._say('no.confirm')}. {self._restated()}".replace("..", "."))

    def _insist(self, id: str) -> Move:
        """A confirmation that was answered before stands open still: the same answer, plainly."""
        self._counts.insisted += 1
        if self._counts.insisted > 2:
            self._leaving = "gave up"
            return self._reject(id, "no.confirm")
        if any(one["id"] == id for one in self.approved):
            return Decide(id, True, self._say("yes.confirm"))
        return self._reject(id, "no.confirm")

    def _turn_to(self, action: str, total: int) -> None:
        """Of several requests in one message, the agent may begin with any."""
        for at in range(self._at + 1, len(self._goals) if self.task.at_once else 0):
            if self._goals[at].action == action and total in self._goals[at].totals():
                self._goals[self._at], self._goals[at] = self._goals[at], self._goals[self._at]
                return

    def _reject(self, id: str, key: str) -> Move:
        return Decide(id, False, self._say(key))

    def _change_mind(self, id: str) -> Move:
        old, new = self.goal, self._rule.mind
        if new is None:
            self._leaving = "satisfied"
            return self._reject(id, "mind.off")
        self._goals[self._at] = new
        if not isinstance(new, Buy) or not isinstance(old, Buy):
            return Speak(self._open(new))
        if new.show.id != old.show.id:
            return Speak(self._say("mind.event"))
        if new.quantity != old.quantity:
            return Speak(self._say("mind.quantity"))
        return Speak(self._say("mind.cheaper" if new.pick == "cheapest" else "mind.section"))

    def _done_by(self, answer: Answer) -> bool:
        return any(name == self.goal.action and status == "ok" for name, status in answer.calls)

    # what follows an answer

    def _next_goal(self, answer: Answer) -> Move:
        if self._at + 1 < len(self._goals):
            self._at += 1
            self._goal_done = False
            self._counts = Counts()
            offered = self.task.at_once and read(answer.reply).ask is Ask.NEXT
            return Speak(self._say("yes.next") if offered else self._open(self.goal))
        if self.voice.chance(0.3):
            self._leaving = "satisfied"
            return Speak(self._say("bye"))
        return Leave("satisfied")

    def _after_answer(self, goal: Say, answer: Answer) -> Move:
        """A question was asked: once it is answered, the customer goes on."""
        reading, counts = read(answer.reply), self._counts
        if reading.ask is Ask.NONE:
            return self._clarify()
        if counts.insisted < goal.insists:
            counts.insisted += 1
            return Speak(self._say("identity.insist", again=self._say("identity.again")))
        if reading.ask is Ask.LATER and counts.retried < 2:
            counts.retried += 1
            return Speak(self._say("again"))
        tells: dict[Ask, str] = {
            Ask.EVENT: "tell.event",
            Ask.WHICH: "tell.event",
            Ask.DATE: "tell.date",
            Ask.CITY: "tell.city",
        }
        if goal.show is not None and reading.asked and reading.ask in tells and not self._has_said(tells[reading.ask]):
            return self._tell(tells[reading.ask])
        if goal.show is not None and reading.ask is Ask.MEANT and not self._has_said("yes.meant"):
            return self._tell("yes.meant")
        if not self._is_answered() and counts.restated < 1 and not self.task.needs_nothing:
            counts.restated += 1
            return Speak(self._open(goal))
        return self._next_goal(answer)

    def _is_answered(self) -> bool:
        """Whether the question's answer is among what was heard."""
        wanted = [fact for fact in self.task.facts if fact.amounts or fact.words]
        return all(says(fact, "\n".join(self._heard)) for fact in wanted)

    def _towards(self, goal: Goal, answer: Answer) -> Move:
        ask = read(answer.reply).ask
        plain: dict[Ask, Callable[[], Move]] = {
            Ask.NONE: self._clarify,
            Ask.RETRY: self._retry,
            Ask.LATER: self._retry,
            Ask.UNKNOWN: self._ask_after,
            Ask.PERSON: self._no_person,
            Ask.MORE: self._restate,
            Ask.TOLD: self._restate,
            Ask.REFUSED: self._take_refusal,
            Ask.DONE: lambda: Leave("satisfied") if self.approved else self._restate(),
            Ask.NEXT: lambda: Speak(self._say("yes.next")),
            Ask.MEANT: lambda: self._meant(answer.reply),
            Ask.ORDER: lambda: self._tell("tell.order") if self.knows.orders else self._restate(),
        }
        if ask in plain:
            return plain[ask]()
        if isinstance(goal, Buy):
            return self._buy(goal, ask, answer.reply)
        return self._change(goal, ask)

    def _buy(self, goal: Buy, ask: Ask, reply: str) -> Move:
        if ask in (Ask.EVENT, Ask.WHICH):
            return self._name_it(goal, reply)
        if ask is Ask.ALTERNATIVE:
            if not goal.takes_others or not goal.sections() or self._counts.refused > 1:
                self._leaving = "refused"
                return Speak(self._say("no.thanks"))
            self._counts.refused += 1
            return Speak(self._restated())
        return self._tell(for_purchase(goal, ask, self._told))

    def _name_it(self, goal: Buy, reply: str) -> Move:
        """The event where it is listed or was not said yet, else by its day and its city, in turns."""
        self._counts.named += 1
        if goal.show.name.lower() in reply.lower() or self._counts.named % 3 == 1:
            return self._tell("tell.event")
        return self._tell("tell.date" if self._counts.named % 3 == 2 else "tell.city")

    def _change(self, goal: Goal, ask: Ask) -> Move:
        if ask is Ask.ALTERNATIVE:
            self._counts.refused += 1
            if self._counts.refused < 2:
                return Speak(self._restated())
            self._leaving = "refused"
            return Speak(self._say("no.thanks"))
        told = for_change(goal, ask)
        return self._tell(told) if told else self._restate()

    def _clarify(self) -> Move:
        self._counts.clarified += 1
        if self._counts.clarified > 1:
            return Leave("unresolved")
        return Speak(self._say("clarify", goal=self._restated()))

    def _retry(self) -> Move:
        self._counts.retried += 1
        if self._counts.retried > 3:
            return Leave("refused")
        return Speak(self._say("yes.retry" if self._counts.retried % 2 else "again"))

    def _ask_after(self) -> Move:
        self._counts.asked_after += 1
        if self._counts.asked_after > 3:
            return Leave("gave up")
        return Speak(self._say("did_it"))

    def _no_person(self) -> Move:
        self._counts.persons += 1
        self._leaving = "refused"
        return Speak(self._say("no.thanks"))

    def _restate(self) -> Move:
        self._counts.restated += 1
        if self._counts.restated > 2:
            return Leave("gave up")
        return Speak(self._restated())

    def _take_refusal(self) -> Move:
        self._counts.refused += 1
        if self._counts.refused > 1:
            return Leave("refused")
        return Speak(self._restated())

    def _meant(self, reply: str) -> Move:
        show = self._words.show_of(self.goal)
        named = show is not None and show.name.lower() in reply.lower()
        return self._tell("yes.meant" if named else "tell.event")

    # words

    def _has_said(self, key: str) -> bool:
        return key in self._told

    def _tell(self, key: str) -> Move:
        self._told.add(key)
        return Speak(self._say(key))

    def _say(self, key: str, /, **more: str) -> str:
        return self._words.say(self.goal, key, **more)

    def _restated(self) -> str:
        return self._words.restate(self.goal)

    def _open(self, goal: Goal) -> str:
        if isinstance(goal, Buy):
            self._told |= {name for name in goal.opens_with if name != "seats"}
        return self._words.open(goal)
