// DomainLists
