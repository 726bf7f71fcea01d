// Querydeck in the browser: small behaviours over pages that work without them. Events are delegated, nothing is global.
