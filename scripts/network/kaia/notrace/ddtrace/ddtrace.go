// Package ddtrace stands where kcn expects Datadog's tracing, and traces nothing.
//
// A consortium's validator reports to nobody, and the tracing library's own dependencies are withdrawn or
// large. Only what kcn names is here; kcn calls it only when DD_TRACE_ENABLED is set.
package ddtrace

// StartSpanConfig is what an option could set.
type StartSpanConfig struct{}

// StartSpanOption sets nothing.
type StartSpanOption func(*StartSpanConfig)

// Span records nothing.
type Span interface {
	SetTag(key string, value interface{})
	Finish()
}
