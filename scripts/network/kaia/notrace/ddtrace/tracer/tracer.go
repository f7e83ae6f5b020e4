// Package tracer makes spans that record nothing.
package tracer

import (
	"context"

	"gopkg.in/DataDog/dd-trace-go.v1/ddtrace"
)

type (
	StartSpanOption = ddtrace.StartSpanOption
	Span            = ddtrace.Span
)

type silent struct{}

func (silent) SetTag(string, interface{}) {}
func (silent) Finish()                    {}

func Start() {}

func Tag(string, interface{}) StartSpanOption { return func(*ddtrace.StartSpanConfig) {} }

func SpanFromContext(context.Context) (Span, bool) { return silent{}, false }

func StartSpanFromContext(ctx context.Context, _ string) (Span, context.Context) { return silent{}, ctx }
