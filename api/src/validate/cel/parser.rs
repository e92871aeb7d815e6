//! CEL's grammar, by descent.

use super::lexer::Token;

/// Levels of nesting, and links of one chain, that istiod's library takes.
const DEPTH_MAX: usize = 250;

/// Names that nothing may have, but fields.
const RESERVED: [&str; 18] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
    "in",
];

const RELATIONS: [&str; 7] = ["<", "<=", ">=", ">", "==", "!=", "in"];

/// Calls on a value that are macros: name, how many arguments, the first of which is a plain name.
const MACROS: [(&str, usize); 7] =
    [("all", 2), ("exists", 2), ("exists_one", 2), ("existsOne", 2), ("map", 2), ("map", 3), ("filter", 2)];

/// What macros ask of their arguments.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Name,
    Select,
    Other,
}

/// Whether the tokens are one expression.
pub(super) fn is_expression(tokens: &[Token<'_>]) -> bool {
    let mut parser = Parser { tokens, depth: 0 };
    parser.expression().is_some() && parser.tokens.is_empty()
}

struct Parser<'t, 'a> {
    tokens: &'t [Token<'a>],
    depth: usize,
}

impl<'a> Parser<'_, 'a> {
    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.first().copied()
    }

    fn next(&mut self) -> Option<Token<'a>> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(*first)
    }

    fn takes(&mut self, sign: &'static str) -> bool {
        let takes = self.peek() == Some(Token::Sign(sign));
        if takes {
            self.tokens = &self.tokens[1..];
        }
        takes
    }

    fn needs(&mut self, sign: &'static str) -> Option<()> {
        self.takes(sign).then_some(())
    }

    /// The sign that comes next, if it is one of these.
    fn takes_any(&mut self, signs: &[&'static str]) -> bool {
        signs.iter().any(|sign| self.takes(sign))
    }

    fn expression(&mut self) -> Option<Shape> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let mut shape = self.or()?;
        if self.takes("?") {
            self.or()?;
            self.needs(":")?;
            self.expression()?;
            shape = Shape::Other;
        }
        self.depth -= 1;
        Some(shape)
    }

    fn or(&mut self) -> Option<Shape> {
        self.chain(&["||"], Self::and)
    }

    fn and(&mut self) -> Option<Shape> {
        self.chain(&["&&"], Self::relation)
    }

    fn relation(&mut self) -> Option<Shape> {
        self.chain(&RELATIONS, Self::sum)
    }

    fn sum(&mut self) -> Option<Shape> {
        self.chain(&["+", "-"], Self::product)
    }

    fn product(&mut self) -> Option<Shape> {
        self.chain(&["*", "/", "%"], Self::unary)
    }

    /// Operands with operators of one precedence between them.
    fn chain(&mut self, signs: &[&'static str], operand: fn(&mut Self) -> Option<Shape>) -> Option<Shape> {
        let mut shape = operand(self)?;
        let mut links = 0;
        while self.takes_any(signs) {
            operand(self)?;
            shape = Shape::Other;
            links += 1;
        }
        (links < DEPTH_MAX).then_some(shape)
    }

    /// Signs of one sort before a value; the last `-` before a number is part of it.
    fn unary(&mut self) -> Option<Shape> {
        if self.takes("!") {
            while self.takes("!") {}
            self.member()?;
            return Some(Shape::Other);
        }
        while self.tokens.first() == Some(&Token::Sign("-")) && self.tokens.get(1) == Some(&Token::Sign("-"))
        {
            self.tokens = &self.tokens[1..];
        }
        let negated = self.peek() == Some(Token::Sign("-"))
            && !matches!(self.tokens.get(1), Some(Token::Int(_) | Token::Float));
        if negated {
            self.next();
        }
        let shape = self.member()?;
        Some(if negated { Shape::Other } else { shape })
    }

    /// A value, and what is selected from it.
    fn member(&mut self) -> Option<Shape> {
        let mut shape = self.primary()?;
        let mut links = 0;
        loop {
            if self.takes(".") {
                shape = match self.next()? {
                    Token::Name(name) if self.takes("(") => {
                        let arguments = self.arguments()?;
                        is_call_on_value(name, &arguments).then_some(Shape::Other)?
                    }
                    Token::Name(_) | Token::Quoted => Shape::Select,
                    _ => return None,
                };
            } else if self.takes("[") {
                self.expression()?;
                self.needs("]")?;
                shape = Shape::Other;
            } else {
                return (links < DEPTH_MAX).then_some(shape);
            }
            links += 1;
        }
    }

    fn primary(&mut self) -> Option<Shape> {
        if self.takes("(") {
            let shape = self.expression()?;
            return self.needs(")").map(|()| shape);
        }
        if self.takes("[") {
            return self.items("]", Self::item);
        }
        if self.takes("{") {
            return self.items("}", |parser| {
                parser.item()?;
                parser.field_value()
            });
        }
        if self.takes("-") {
            return match self.next()? {
                Token::Int(amount) => (amount? <= 1 << 63).then_some(Shape::Other),
                Token::Float => Some(Shape::Other),
                _ => None,
            };
        }
        match self.peek()? {
            Token::Int(amount) => {
                self.next();
                (amount? < 1 << 63).then_some(Shape::Other)
            }
            Token::Float | Token::Literal => self.next().map(|_| Shape::Other),
            Token::Name(_) | Token::Sign(".") => self.named(),
            Token::Quoted | Token::Sign(_) => None,
        }
    }

    /// A name, a call, or a message: names with dots and fields in braces.
    fn named(&mut self) -> Option<Shape> {
        let dotted = self.takes(".");
        if let Some(length) = self.message_name() {
            self.tokens = &self.tokens[length..];
            return self.items("}", |parser| {
                matches!(parser.next()?, Token::Name(_) | Token::Quoted).then_some(())?;
                parser.field_value()
            });
        }
        let Token::Name(name) = self.next()? else { return None };
        if RESERVED.contains(&name) {
            return None;
        }
        if self.takes("(") {
            let arguments = self.arguments()?;
            let right = dotted || name != "has" || arguments.len() != 1 || arguments[0] == Shape::Select;
            return right.then_some(Shape::Other);
        }
        Some(if dotted { Shape::Other } else { Shape::Name })
    }

    /// How many tokens a message's name and its brace take, if that is what follows.
    fn message_name(&self) -> Option<usize> {
        let mut at = 0;
        loop {
            let Token::Name(_) = self.tokens.get(at)? else { return None };
            match self.tokens.get(at + 1)? {
                Token::Sign("{") => return Some(at + 2),
                Token::Sign(".") => at += 2,
                _ => return None,
            }
        }
    }

    fn item(&mut self) -> Option<()> {
        self.expression().map(|_| ())
    }

    fn field_value(&mut self) -> Option<()> {
        self.needs(":")?;
        self.item()
    }

    /// Items up to a bracket; a comma may follow the last one, or stand alone.
    fn items(&mut self, end: &'static str, item: fn(&mut Self) -> Option<()>) -> Option<Shape> {
        if self.takes(",") {
            return self.needs(end).map(|()| Shape::Other);
        }
        while !self.takes(end) {
            item(self)?;
            if !self.takes(",") {
                return self.needs(end).map(|()| Shape::Other);
            }
        }
        Some(Shape::Other)
    }

    /// Arguments up to the bracket, without a comma after the last one.
    fn arguments(&mut self) -> Option<Vec<Shape>> {
        let mut shapes = Vec::new();
        if self.takes(")") {
            return Some(shapes);
        }
        loop {
            shapes.push(self.expression()?);
            if self.takes(")") {
                return Some(shapes);
            }
            self.needs(",")?;
        }
    }
}

fn is_call_on_value(name: &str, arguments: &[Shape]) -> bool {
    !MACROS.contains(&(name, arguments.len())) || arguments[0] == Shape::Name
}
