// Small behaviours for every page; without JavaScript the pages work by links and forms.
// Events are delegated from the document, there are no globals, and styles are set through the CSSOM only (strict CSP).
// docs/design-system.md lists the attributes that these modules read.

import "./app/announcements.js";
import "./app/requests.js";
import "./app/forms.js";
import "./app/menus.js";
import "./app/clock.js";
