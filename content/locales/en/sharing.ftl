sharing-title = Sharing
sharing-lead = This is everything that leaves this hospital, exactly as it is sent.
sharing-oldest = oldest
lane-record = Records waiting
lane-release = Answers and warnings waiting
lane-sighting = Sightings waiting
sharing-gap = { $count ->
    [one] 1 sighting was dropped because too many waited. The hub is told.
   *[other] { $number } sightings were dropped because too many waited. The hub is told.
}
sharing-next = { $count ->
    [0] Nothing leaves next
    [one] The next item to leave
   *[other] The next { $number } items to leave
}
sharing-next-empty = Everything that was to leave has left.
sharing-sent = { $count ->
    [0] Nothing has left yet
    [one] The last item that left
   *[other] The last { $number } items that left
}
sharing-sent-empty = As soon as something leaves, you can read it here.
sharing-held = held
sharing-release = Let it leave
sharing-drop = Drop it
item-sighting = Sighting
item-release = Warning
item-verdict = Answer to a warning
item-withdrawal = Withdrawal
item-gap = Count of dropped sightings
item-record = Record
item-other = Item
sharing-policy = What may leave by itself
sharing-sightings = Sightings
sharing-sightings-send = Send at once
sharing-sightings-send-hint = Other hospitals are warned in seconds.
sharing-sightings-hold = Hold each one for a person
sharing-sightings-hold-hint = Nothing leaves until somebody here lets it.
sharing-never = What never leaves
sharing-never-hint = Log lines, machines, users, internal addresses and patients. A sighting names a rule, an hour, a country, suppliers you said you use, and values on the attacker’s side.
suppliers-title = Suppliers and products
suppliers-lead = Say what you use; products are asked for once a supplier is in use. The answers stay here: a warning is matched in this hospital, not at the hub. What nobody answers counts as unknown, and a warning about it can only say “we cannot tell”.
suppliers-open = { $count ->
    [0] Every question is answered.
    [one] 1 question is open.
   *[other] { $number } questions are open.
}
suppliers-link = Answer them
suppliers-answer = Do you use it?
answer-used = Yes
answer-not-used = No
answer-unknown = Not known
notice-policy-saved = The policy is saved.
notice-released = It leaves now.
notice-dropped = It is dropped and will not leave.
notice-suppliers-saved = The answers are saved. Warnings are judged anew.
supplier-kind-backup = Backup
supplier-kind-directory = Directory
supplier-kind-endpoint-protection = Endpoint protection
supplier-kind-firewall-vpn = Firewall, VPN
supplier-kind-his = Hospital information system
supplier-kind-hypervisor = Virtual servers
supplier-kind-integration = Integration
supplier-kind-laboratory = Laboratory
supplier-kind-mail = Mail
supplier-kind-medical-device = Medical device
supplier-kind-pacs = Image archive
supplier-kind-pharmacy = Pharmacy
supplier-kind-remote-support = Remote support
supplier-kind-service-provider = Service provider
