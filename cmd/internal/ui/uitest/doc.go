// Package uitest drives the dashboard in a real Chromium. It is compiled with
// the build tag browser alone, for tests that need Debian's package chromium.
package uitest
