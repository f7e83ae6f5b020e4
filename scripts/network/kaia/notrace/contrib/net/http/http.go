// Package http serves without tracing.
package http

import (
	"net/http"

	"gopkg.in/DataDog/dd-trace-go.v1/ddtrace"
)

// ServeConfig names a request to a tracer that is not there.
type ServeConfig struct {
	Service     string
	Resource    string
	QueryParams bool
	SpanOpts    []ddtrace.StartSpanOption
}

// TraceAndServe serves.
func TraceAndServe(handler http.Handler, w http.ResponseWriter, r *http.Request, _ *ServeConfig) {
	handler.ServeHTTP(w, r)
}
