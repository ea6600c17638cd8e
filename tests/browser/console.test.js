// The console of a running federation: first every page as it stands, then the
// tasks, which change what stands there.

import './pages.js';
import './tasks.js';
