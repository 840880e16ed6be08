// DecisionLog
