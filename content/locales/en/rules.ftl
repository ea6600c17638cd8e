## Rules, exceptions from them, and the false alarm.

menu-rules = Rules and exceptions
alert-false-alarm = False alarm

false-alarm-title = False alarm
false-alarm-lead = This is the narrowest exception that keeps { $count ->
    [one] the 1 event
   *[other] all { $number } events
} of this alert away: what the rule looked at and what was the same each time. Change it if you know better; nothing happens before you have seen what it hides.
false-alarm-lead-none = The events have expired, so this is written from the newest one as the alert remembers it. Change it if you know better; nothing happens before you have seen what it hides.
false-alarm-reason = Why is this harmless?
false-alarm-reason-hint = Whoever meets this exception later reads it, e.g. “nightly clean-up of the backup server, told by the supplier on 3 March”.
false-alarm-scope = Where
false-alarm-days = For how long
false-alarm-days-hint = It stops working by itself, is announced a week before, and can be renewed.
false-alarm-filter = The exception, as a Sigma filter
false-alarm-filter-hint = Written below “harmless”: all of it must be true of an event to keep it away.
false-alarm-check = See what it hides
false-alarm-check-title = Check what it hides
days-7 = 7 days
days-30 = 30 days
days-90 = 90 days
days-180 = 180 days
days-365 = 1 year
scope-node = Everywhere on this node
scope-source = Only what the sender { $of } sends
scope-host = Only on { $of }
false-alarm-of-alert = It hides { $hidden } of the { $total } events of this alert that are still kept.
false-alarm-of-alert-none = The events of this alert have expired; it cannot be tried on them.
false-alarm-hidden = { $count ->
    [0] In the kept events it would have hidden nothing.
    [one] It would have hidden 1 match of this rule.
   *[other] It would have hidden { $number } matches of this rule.
}
false-alarm-left = { $count ->
    [0] No other match of this rule was there.
    [one] 1 other match would still have been shown.
   *[other] { $number } other matches would still have been shown.
}
false-alarm-searched = { $count ->
    [one] 1 event was searched, received from { $from } to { $to }.
   *[other] { $number } events were searched, received from { $from } to { $to }.
}
false-alarm-limited = The search stopped at its limit. What came earlier was not looked at.
false-alarm-kept = Earlier events are no longer kept.
false-alarm-examples = What it would have hidden, newest first
false-alarm-consequence = From now on this is not shown, not counted into alerts and not shared. How much is hidden is counted on Rules and exceptions. The alert is dismissed with it.
false-alarm-add = Make the exception
false-alarm-back = Change it
false-alarm-wrong = Line { $line }: { $what }; { $instead }

input-exception-reason = Write why this is harmless, in at most 500 characters
input-exception-filter = Write a Sigma filter of at most 20,000 characters
input-exception-days = Choose between 1 day and 1 year
input-exceptions-too-many = There are 1,000 exceptions already. End some that are no longer needed; a rule with so many is better switched off.
input-exception-no-rule = This alert rests on a known value of an attacker, not on a rule. If the value is wrong, open its warning and ignore it.
input-rule-off-reason = Write why the rule is not needed, in at most 500 characters
notice-exception-added = The exception works. The alert is dismissed; what is hidden from now on is counted here.
notice-exception-ended = The exception has ended. The rule sees everything again.
notice-exception-renewed = The exception was renewed.
notice-rule-off = The rule is off.
notice-rule-on = The rule runs again.

rules-title = Rules and exceptions
rules-running = { $count ->
    [one] 1 rule runs.
   *[other] { $number } rules run.
}
rules-all-link = All rules
rules-exceptions = Exceptions, the first to end first
rules-exceptions-empty = No exception works here: everything that a rule finds is shown.
rules-exceptions-empty-hint = If an alert is harmless and will come again, open it and press False alarm.
rules-ended = { $count ->
    [one] 1 exception that has ended
   *[other] { $number } exceptions that have ended
}
rules-off = Rules that are off
rules-off-empty = No rule is switched off.
rules-noisy = The noisiest rules
rules-noisy-hint = Alerts and the detections behind them, exercises left out. A rule whose alerts are mostly dismissed needs an exception, or to be off.
rules-noisy-empty = No rule has fired in the last 30 days.
rules-filters = Exceptions in your rule files
rules-filters-hint = Sigma filters that came with rule files. They have no end; take the file away to end one.
rules-suspected = A hub suspects these rules
rules-suspected-hint = They fired at many hospitals at once and nothing else connects those: the rule may be wrong.
rules-week = 7 days
rules-month = 30 days
rules-dismissed = Dismissed
rules-noise = { $alerts } alerts, { $events } detections
rules-share = { $share } %
rules-list-title = All rules
rules-count = { $count ->
    [0] No rules
    [one] 1 rule
   *[other] { $number } rules
}
rules-list-caption = Rules by title
rules-back = Rules and exceptions
rules-more = Further rules
rules-first = From the first
rule-state-runs = Runs
rule-state-no-source = Runs, but no source sends what it looks at
rule-state-cannot-run = Cannot run here
rule-state-off = Off
rule-origin-built-in = Came with Lazaret
rule-origin-local = Your own
rule-origin-warning = From a warning
rule-id = Id
rule-all-alerts = Alerts of this rule
rule-off-title = Switch this rule off
rule-off-lead = It then finds nothing at all, and what counts on it finds less. An exception is nearly always better.
rule-off-reason = Why is the rule not needed?
rule-off-button = Switch it off
rule-on-button = Switch it on
rule-off-since = Off since { $when }, by { $who }: { $reason }
rule-exceptions = Exceptions from this rule
rule-cleared = I have looked at it
rule-suspected = { $count ->
    [one] 1 hospital fired it at once.
   *[other] { $number } hospitals fired it at once.
}

exception-title = Exception
exception-reason = Why
exception-until = Until
exception-ends = Ends
exception-hidden = Hidden so far
exception-hidden-last = Hidden last
exception-made = Made
exception-by = By
exception-alert = Made from
exception-alert-link = this alert
exception-of-rule = From the rule
exception-state-works = Works
exception-state-idle = Hides nothing: its rule is off or no longer here
exception-state-expired = Expired
exception-state-ended = Ended by { $who }
exception-filter = The filter
exception-renew = Renew it
exception-renew-button = Renew
exception-end = End it now
task-exception = An exception ends soon
task-exception-hint = { $rule }. From then on it is shown again. Renew the exception if the reason still holds; otherwise do nothing.
task-exception-sort = Exception

audit-verb-exception-added = made an exception
audit-verb-exception-ended = ended an exception
audit-verb-exception-renewed = renewed an exception
audit-verb-rule-off = switched a rule off
audit-verb-rule-on = switched a rule on
