## This node: how the node itself is.

menu-health = This node
health-title = This node
health-caption = How this node is
health-doctor = On the machine, `lazaret doctor` says more, and which command mends it.
health-state-good = In order
health-state-bad = Needs you
health-state-unknown = Not known
health-backup = Backup
health-backup-none = No backup is configured. Section [backup] of the configuration says where to.
health-backup-waiting = No backup was made yet.
health-backup-says = { $size } in { $target }
health-disk = Space on the disk
health-disk-says = { $free } are free; below { $reserve } events are refused.
health-disk-unknown = The disk does not say how much is free.
task-trouble-sort = This node
trouble-backup-failed = The last backup failed
trouble-backup-failed-says = It is tried again every hour. { $why }
trouble-backup-old = The last backup is too old
trouble-backup-old-says = The last one was made { $moment }.
trouble-disk = The disk is filling up
trouble-disk-full = The disk is full: events are refused
trouble-disk-full-says = { $free } are free and { $reserve } are kept for records. Free space, or keep events for a shorter time.
health-probe = Daily probe
health-probe-whole = A line of this node was stored, found by a rule, and acknowledged by the hub.
health-probe-found = A line of this node was stored and found by a rule.
health-probe-waiting = None has come through yet.
health-clock = Clock
health-clock-says = { $count ->
    [0] As the hub's.
    [one] One second from the hub's.
   *[other] { $number } seconds from the hub's.
}
health-certificate-console = Certificate of the console
health-certificate-listeners = Certificate of the log listeners
health-certificate-link = Certificate for the hub
health-certificate-says = It holds until the time shown.
trouble-silent = { $source } is silent
trouble-silent-minutes = { $count ->
    [one] Usually it sends at least every minute; nothing since { $moment }.
   *[other] Usually it sends at least every { $number } minutes; nothing since { $moment }.
}
trouble-silent-hours = Usually it sends at least every { $number } hours; nothing since { $moment }.
trouble-probe = The daily probe did not come through
trouble-probe-intake = The event log did not take it: no event is stored now. Look at the disk.
trouble-probe-scan = It was stored and no rule found it: nothing is detected now. Restart the node and look at its log.
trouble-probe-outbox = It was found, and the hub has not acknowledged it: warnings may not leave. Look at Sharing.
trouble-clock = The clock is wrong
trouble-clock-says = { $count ->
    [one] It is one second from the hub's. Set the time on this machine.
   *[other] It is { $number } seconds from the hub's. Set the time on this machine.
}
trouble-certificate = A certificate ends
trouble-certificate-ends = { $name }: it ends { $moment }.
trouble-certificate-ended = { $name }: it ended { $moment }.
trouble-member = { $member } shows no sign of life
trouble-member-since = The last one came { $moment }. Ask whether its node runs and reaches this hub.
trouble-member-never = It has never connected. Ask whether it has used its code.
item-probe = Daily probe
