## Around every page: title, menu, state line, moments, numbers.

title = { $page } · { $node } · Lazaret
title-error = Error:
title-count = ({ $number })
skip = Skip to the content
menu = Main menu
menu-now = Now
menu-alerts = Alerts
menu-warnings = Warnings
menu-cases = Cases
menu-sources = Sources
menu-sharing = Sharing
menu-map = Map and time
menu-desk = Warning desk
menu-members = Members
menu-preferences = Preferences
menu-people = People
menu-audit = Audit
help = Help
logout = Log out
printed = Shown at

state-nothing = Nothing needs you now.
state-count = { $count ->
    [one] 1 thing needs you.
   *[other] { $number } things need you.
}
state-next = Next: { $what },
state-as-of = As of
status-changed = The page has new content.
link-alone = This node has no hub.
link-connected = Connected to { $peer } since
link-disconnected = Not connected to { $peer } since
link-waiting = { $count ->
    [0] nothing waits here.
    [one] 1 item is kept here and will be sent.
   *[other] { $number } items are kept here and will be sent.
}

drill-word = DRILL
drill-banner = DRILL: this belongs to an exercise. It is not happening.
problems = { $count ->
    [one] Correct 1 thing
   *[other] Correct { $number } things
}

moment = { $date }, { $clock }
moment-today = today { $clock }
moment-tomorrow = tomorrow { $clock }
moment-yesterday = yesterday { $clock }
date = { $day } { $month } { $year }
due = due { $moment }, { $apart }
due-was = was due { $moment }, { $apart }
span-ahead = in { $span }
span-ago = { $span } ago
span-seconds = { $large } s
span-minutes = { $large } min
span-hours-only = { $large } h
span-days-only = { $large } d
span-hours = { $large } h { $small } min
span-days = { $large } d { $small } h
number-group = ,
zone-of-node = the node’s time zone
zone-local = Times are those of { $zone }.
zone-utc = Times are in UTC.
zone-show-utc = Show UTC
zone-show-local = Show local time
never = never
none = none
no-answer = not said

month-1 = Jan
month-2 = Feb
month-3 = Mar
month-4 = Apr
month-5 = May
month-6 = Jun
month-7 = Jul
month-8 = Aug
month-9 = Sep
month-10 = Oct
month-11 = Nov
month-12 = Dec

level-critical = Critical
level-high = High
level-medium = Medium
level-low = Low
level-informational = Information

role-viewer = Viewer
role-operator = Operator
role-approver = Approver
role-admin = Administrator
role-viewer-hint = Reads everything, changes nothing.
role-operator-hint = Works on alerts and cases, proposes warnings.
role-approver-hint = Approves and withdraws what others proposed.
role-admin-hint = Manages people, sources, members and settings.

save = Save
cancel = Cancel
change = Change
continue = Continue
copy = Copy
csv = As CSV
any = Any
filter = Filter this list
filter-apply = Filter
filter-clear = Clear
filter-level = At least
filter-state = State
filter-stage = State
filter-text = Words or host
filter-nothing = Nothing matches this filter.
filter-nothing-hint = Take a filter away to see more.
pages = Pages of this list
pages-newest = Newest
pages-older = Older
