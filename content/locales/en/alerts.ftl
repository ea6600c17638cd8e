alerts-title = Alerts today
alerts-all-title = All alerts
alerts-count = { $count ->
    [0] No alerts
    [one] 1 alert
   *[other] { $number } alerts
}
alerts-see-all = All alerts
alerts-today-link = Alerts of today
alerts-caption = Newest first
alerts-empty = No alert needs you today.
alerts-empty-hint = That means: nothing suspicious in the logs that arrive here.
alerts-empty-link = Look which logs arrive
alerts-grouped = Less urgent, grouped
alerts-grouped-hint = Alerts that are no card of their own, by rule family
alert-where = { $count ->
    [one] Seen once on { $host }, in the log { $source }.
   *[other] Seen { $number } times on { $host }, in the log { $source }.
}
alert-do = Do now:
alert-do-title = What to do
alert-open-case = Open a case
alert-to-case = Go to its case
alert-dismiss = Dismiss
alert-reopen = Take back the dismissal
alert-state-open = Open
alert-state-dismissed = Dismissed
alert-state-in-case = In a case
alert-lines = { $count ->
    [0] The log lines
    [one] The log line
   *[other] The { $number } newest log lines
}
alert-lines-hint = Exactly as they were received.
alert-lines-expired = The lines have expired here. Lines of a case are kept with the case.
alert-wrap = Wrap long lines
alert-unwrap = Do not wrap long lines
line-number = event { $number }
line-label = Log line { $number }
alert-why = How we know
alert-first = First event
alert-last = Last event
alert-seen = Seen by Lazaret
alert-origin = Found by
alert-origin-built-in = A rule that came with Lazaret
alert-origin-local = A rule of your own
alert-origin-warning = A warning that was received
alert-origin-indicator = A known value of an attacker
alert-observables = The attacker’s side
alert-observables-hint = Only these values and the rule’s name may leave as a sighting; never the line, the machine or a person.
alert-rule = The rule
alert-rule-text = The rule’s text
alert-false-positives = When it is harmless
notice-alert-dismissed = The alert is dismissed. It is kept, and the audit says who dismissed it.
notice-alert-reopened = The alert is open again.
