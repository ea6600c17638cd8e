now-title = Now
now-tasks = What needs you
now-empty = Nothing needs you now.
now-empty-hint-hospital = Lazaret keeps reading your logs. What needs you appears here by itself; you can leave this page open.
now-empty-hint-hub = Lazaret keeps counting sightings. A proposal that needs you appears here by itself; you can leave this page open.
now-doors = Where to go
now-figures = At a glance
door-wrong = Something is wrong
door-wrong-hint = Open a case, write down what you see, find out who has to know.
door-must = What must I do
door-must-hint = Your open cases, the nearest deadline first.
door-ready = Get ready
door-ready-hint = Say which suppliers and products you use, so that a warning can tell whether it concerns you.
door-warn = Warn the hospitals
door-warn-hint = Tell of one confirmed victim, a mail, a phone call or an advisory.
door-map = See what is seen
door-map-hint = Hospitals by country, clusters by hour.
door-members = Invite a hospital
door-members-hint = A code that works once, for seven days.

task-open = Open
task-alert-hint = { $count ->
    [one] 1 detection on { $host }.
   *[other] { $number } detections on { $host }.
}
task-warning-sort = Warning
task-held = Decide whether this warning’s rules may run
task-held-hint = { $title }. On the last 24 hours it would match { $count ->
    [one] 1 event
   *[other] { $number } events
}, more than your limit.
task-duty-take = Take the case
task-duty-take-hint = { $title }. Nobody owns it yet; if nobody takes it, nobody will close it.
task-duty-decide = Decide on a proposed warning
task-duty-decide-hint = { $title }. Until somebody decides, no hospital is warned.
task-duty-send = Send an approved warning
task-duty-send-hint = { $title }. It is approved and has not left yet.
task-duty-sort = Deadline
task-suspected = Look at a rule that fired everywhere at once
task-suspected-hint = { $rule } fired at { $count ->
    [one] 1 hospital
   *[other] { $number } hospitals
} and nothing else is shared. The rule may be wrong.
task-suspected-sort = Rule
task-suppliers = Say which suppliers you use
task-suppliers-hint = { $count ->
    [one] 1 question is open. Until then a warning about it can only say “we cannot tell”.
   *[other] { $number } questions are open. Until then a warning about them can only say “we cannot tell”.
}
task-suppliers-sort = Get ready
task-silent = A source is silent
task-silent-hint = { $source } has sent nothing since { $moment }. What happens there is not seen.
task-silent-sort = Source
task-gap = Sightings were dropped
task-gap-hint = { $count ->
    [one] 1 sighting was dropped because too many waited for the hub.
   *[other] { $number } sightings were dropped because too many waited for the hub.
}
task-gap-sort = Sharing
task-conflict = Two versions of one item arrived
task-conflict-hint = { $member } sent an item again with other content. Ask whether it was restored from a backup.
task-conflict-sort = Conflict

figure-alerts = Alerts in the last 24 hours
figure-events = Events stored so far
figure-waiting = Items waiting for the hub now
figure-sightings = Sightings in the last 24 hours
figure-hospitals = Hospitals they came from
figure-countries = Countries they came from
task-no-source = Point a log here
task-no-source-hint = No log arrives yet, so nothing can be seen.
task-no-source-sort = Get ready
